"""Mask R-CNN R50-FPN as detectron2 starts it: MSRA weights, BGR, stride in the first 1x1, frozen batch norm.

The initialization of the RoI heads and their assigner are detectron2's too; its other models derive from this one.
"""

_base_ = './mask-rcnn_r50_fpn.py'
model = dict(
    data_preprocessor=dict(mean=[103.530, 116.280, 123.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    backbone=dict(
        norm_cfg=dict(requires_grad=False),
        style='caffe',
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://detectron2/resnet50_caffe'),
    ),
    roi_head=dict(
        bbox_head=dict(
            init_cfg=[
                dict(type='Normal', std=0.01, override=dict(name='fc_cls')),
                dict(type='Normal', std=0.001, override=dict(name='fc_reg')),
                # c2_xavier_fill: Kaiming uniform with a = 1
                dict(type='Caffe2Xavier', override=dict(name='shared_fcs')),
            ]
        ),
        mask_head=dict(logits_std=0.001),
    ),
    train_cfg=dict(rcnn=dict(assigner=dict(match_low_quality=False))),
)
