"""Mask R-CNN for LongTailGlyphs: a ResNet-18 of half width, trained from scratch on 128 px images on a CPU."""

_base_ = './mask-rcnn_r50_fpn.py'

extractor = dict(roi_layer=dict(sampling_ratio=2), out_channels=64, featmap_strides=[4, 8, 16], finest_scale=32)
proposals = dict(nms_pre=200, max_per_img=100)

model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[64.0, 64.0, 64.0]),
    backbone=dict(depth=18, base_channels=32, frozen_stages=-1, norm_eval=False, init_cfg=None),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64, num_outs=4),
    rpn_head=dict(
        in_channels=64,
        feat_channels=64,
        anchor_generator=dict(scales=[5], strides=[4, 8, 16, 32]),
    ),
    # boxes and masks for all classes together: ten images of a class teach no shape of its own
    roi_head=dict(
        bbox_roi_extractor=extractor,
        bbox_head=dict(in_channels=64, fc_out_channels=256, reg_class_agnostic=True),
        mask_roi_extractor=extractor,
        mask_head=dict(num_convs=2, in_channels=64, conv_out_channels=64, class_agnostic=True),
    ),
    train_cfg=dict(
        rpn=dict(assigner=dict(pos_iou_thr=0.6), sampler=dict(num=64)),
        rpn_proposal=proposals,
        rcnn=dict(assigner=dict(match_low_quality=False), sampler=dict(num=48, pos_fraction=0.4)),
    ),
    test_cfg=dict(rpn=dict(proposals, max_per_img=50), rcnn=dict(score_thr=1e-3, max_per_img=100)),
)
