"""Mask R-CNN R101-FPN as detectron2 starts it: MSRA weights, BGR, stride in the first 1x1, frozen batch norm."""

_base_ = './mask-rcnn_r50-caffe_fpn.py'
model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint='open-mmlab://detectron2/resnet101_caffe')))
