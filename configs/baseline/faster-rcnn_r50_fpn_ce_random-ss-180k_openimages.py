"""Softmax baseline: EQLv2 openimages, Faster R-CNN R50, 180 000 steps."""

_base_ = [
    '../_base_/models/faster-rcnn_r50_fpn.py',
    '../_base_/datasets/openimages_detection.py',
    '../_base_/schedules/schedule_180k.py',
    '../_base_/iterations_runtime.py',
]
model = dict(roi_head=dict(bbox_head=dict(num_classes=_base_.num_classes)))
train_dataloader = dict(sampler=dict(type='InfiniteSampler'))
param_scheduler = [dict(_base_.param_scheduler[0], end=500), _base_.param_scheduler[1]]
