"""Mask R-CNN R101-FPN, torchvision weights."""

_base_ = './mask-rcnn_r50_fpn.py'
model = dict(backbone=dict(depth=101, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet101')))
