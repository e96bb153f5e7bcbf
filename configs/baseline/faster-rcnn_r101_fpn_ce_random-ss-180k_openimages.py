"""Softmax baseline: EQLv2 openimages, on R101."""

_base_ = './faster-rcnn_r50_fpn_ce_random-ss-180k_openimages.py'
model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')))
