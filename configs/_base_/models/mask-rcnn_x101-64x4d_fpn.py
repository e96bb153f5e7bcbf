"""Mask R-CNN X101-64x4d-FPN."""

_base_ = './mask-rcnn_r101_fpn.py'
model = dict(
    backbone=dict(type='ResNeXt', groups=64, base_width=4, init_cfg=dict(checkpoint='open-mmlab://resnext101_64x4d'))
)
