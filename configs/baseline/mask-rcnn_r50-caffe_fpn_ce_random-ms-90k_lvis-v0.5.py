"""Softmax baseline in detectron2's style (MSRA weights, counted in steps)."""

_base_ = [
    '../_base_/models/mask-rcnn_r50-caffe_fpn.py',
    '../_base_/datasets/lvis-v0.5_instance.py',
    '../_base_/schedules/schedule_90k.py',
    '../_base_/iterations_runtime.py',
]
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=_base_.num_classes), mask_head=dict(num_classes=_base_.num_classes))
)
train_dataloader = dict(sampler=dict(type='InfiniteSampler'))
