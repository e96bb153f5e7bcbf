_base_ = '../baseline/mask-rcnn_r50_fpn_ce_rfs-ms-2x_lvis-v1.py'
model = dict(
    roi_head=dict(
        bbox_head=dict(
            # (sic) mmdet's name of the argument
            cls_predictor_cfg=dict(type='NormedLinear', tempearture=20),
            loss_cls=dict(_delete_=True, type='SeesawLoss', num_classes=_base_.num_classes, p=0.8, q=2.0),
        )
    )
)
