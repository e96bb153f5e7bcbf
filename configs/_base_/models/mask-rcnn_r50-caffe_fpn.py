"""Mask R-CNN R50-FPN as detectron2 starts it: MSRA weights, BGR, stride in the first 1x1, frozen batch norm."""

_base_ = './mask-rcnn_r50_fpn.py'
model = dict(
    data_preprocessor=dict(mean=[103.530, 116.280, 123.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    backbone=dict(
        norm_cfg=dict(requires_grad=False),
        style='caffe',
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://detectron2/resnet50_caffe'),
    ),
)
