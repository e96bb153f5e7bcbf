"""Mask R-CNN X101-32x8d-FPN as detectron2 starts it: weights of Caffe2, BGR, frozen batch norm."""

_base_ = './mask-rcnn_r101-caffe_fpn.py'
model = dict(
    data_preprocessor=dict(std=[57.375, 57.120, 58.395]),
    backbone=dict(
        type='ResNeXt',
        groups=32,
        base_width=8,
        style='pytorch',
        init_cfg=dict(checkpoint='open-mmlab://detectron2/resnext101_32x8d'),
    ),
)
