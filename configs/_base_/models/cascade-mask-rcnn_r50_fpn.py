"""Cascade Mask R-CNN R50-FPN as in mmdet: three box heads on rising IoU, boxes for all classes together."""

_base_ = './mask-rcnn_r50_fpn.py'

stages = [
    dict(iou=0.5, stds=[0.1, 0.1, 0.2, 0.2]),
    dict(iou=0.6, stds=[0.05, 0.05, 0.1, 0.1]),
    dict(iou=0.7, stds=[0.033, 0.033, 0.067, 0.067]),
]
stage_head = dict(
    _base_.model.roi_head.bbox_head,
    reg_class_agnostic=True,
    loss_bbox=dict(type='SmoothL1Loss', beta=1.0, loss_weight=1.0),
)
stage_cfg = _base_.model.train_cfg.rcnn

model = dict(
    type='CascadeRCNN',
    rpn_head=dict(loss_bbox=dict(_delete_=True, type='SmoothL1Loss', beta=1.0 / 9.0, loss_weight=1.0)),
    roi_head=dict(
        type='CascadeRoIHead',
        num_stages=3,
        stage_loss_weights=[1, 0.5, 0.25],
        bbox_head=[dict(stage_head, bbox_coder=dict(stage_head['bbox_coder'], target_stds=s['stds'])) for s in stages],
    ),
    train_cfg=dict(
        rpn=dict(allowed_border=0),
        rpn_proposal=dict(max_per_img=2000),
        rcnn=[
            dict(
                stage_cfg,
                assigner=dict(
                    stage_cfg.assigner,
                    pos_iou_thr=s['iou'],
                    neg_iou_thr=s['iou'],
                    min_pos_iou=s['iou'],
                    match_low_quality=False,
                ),
            )
            for s in stages
        ],
    ),
)

del stages, stage_head, stage_cfg  # no part of the config
