_base_ = '../baseline/mask-rcnn_r50_fpn_ce_rfs-ms-2x_lvis-v1.py'
model = dict(
    roi_head=dict(
        bbox_head=dict(
            # temperature 20, the default; mmdet and its fork spell the argument differently
            cls_predictor_cfg=dict(type='NormedLinear'),
            loss_cls=dict(_delete_=True, type='SeesawLoss', num_classes=_base_.num_classes, p=0.8, q=2.0),
        )
    )
)
