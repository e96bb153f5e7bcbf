"""Softmax baseline: GOL activations/x101_4x4_1x_softmax, at 16 images a step; float16 (a GPU)."""

_base_ = [
    '../_base_/models/mask-rcnn_x101-64x4d_fpn.py',
    '../_base_/datasets/lvis-v1_instance.py',
    '../_base_/schedules/schedule_1x.py',
    '../_base_/default_runtime.py',
]
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=_base_.num_classes), mask_head=dict(num_classes=_base_.num_classes))
)
param_scheduler = [dict(_base_.param_scheduler[0], end=1000), _base_.param_scheduler[1]]
optim_wrapper = dict(type='AmpOptimWrapper')
