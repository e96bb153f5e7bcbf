_base_ = [
    '../_base_/models/mask-rcnn_r18_fpn.py',
    '../_base_/datasets/glyphs_instance.py',
    '../_base_/schedules/schedule_600i.py',
    '../_base_/iterations_runtime.py',
]
model = dict(
    roi_head=dict(
        bbox_head=dict(num_classes=_base_.num_classes),
        mask_head=dict(num_classes=_base_.num_classes),
    )
)

default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=200))
log_processor = dict(window_size=20)
randomness = dict(seed=0)
