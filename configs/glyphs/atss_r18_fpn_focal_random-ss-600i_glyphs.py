_base_ = [
    '../_base_/models/atss_r18_fpn.py',
    '../_base_/datasets/glyphs_detection.py',
    '../_base_/schedules/schedule_600i.py',
    '../_base_/iterations_runtime.py',
]
model = dict(bbox_head=dict(num_classes=_base_.num_classes))

default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
log_processor = dict(window_size=20)
randomness = dict(seed=0)
