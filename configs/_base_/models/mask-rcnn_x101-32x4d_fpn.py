"""Mask R-CNN X101-32x4d-FPN."""

_base_ = './mask-rcnn_x101-64x4d_fpn.py'
model = dict(backbone=dict(groups=32, init_cfg=dict(checkpoint='open-mmlab://resnext101_32x4d')))
