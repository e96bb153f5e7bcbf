"""GOL gol/droploss_swin_1x_rfs, at NMS IoU 0.5 instead of 0.3."""

_base_ = ['../baseline/mask-rcnn_swin-t-p4-w7_fpn_ce_rfs-ms-1x_lvis-v1.py', '../_base_/methods/gol-droploss-gumbel.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        ),
        mask_head=dict(predictor_cfg=dict(type='NormedConv2d')),
    )
)
