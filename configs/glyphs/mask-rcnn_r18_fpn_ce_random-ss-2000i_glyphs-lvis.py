"""1203 classes for one GPU: ResNet-18 of full width from scratch on images of 256 pixels, LVIS's 300 detections."""

_base_ = [
    '../_base_/models/mask-rcnn_r18_fpn.py',
    '../_base_/datasets/glyphs-lvis_instance.py',
    '../_base_/schedules/schedule_2000i.py',
    '../_base_/iterations_runtime.py',
]
proposals = dict(nms_pre=1000, max_per_img=300)

model = dict(
    backbone=dict(base_channels=64),
    neck=dict(in_channels=[64, 128, 256, 512]),
    roi_head=dict(
        bbox_head=dict(num_classes=_base_.num_classes, fc_out_channels=1024),
        mask_head=dict(num_classes=_base_.num_classes),
    ),
    train_cfg=dict(rpn=dict(sampler=dict(num=256)), rpn_proposal=proposals, rcnn=dict(sampler=dict(num=128))),
    test_cfg=dict(rpn=proposals, rcnn=dict(max_per_img=300)),
)

default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=250))
log_processor = dict(window_size=50)
randomness = dict(seed=0)
