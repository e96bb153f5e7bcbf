"""GOL gol/eql_normed_mask_classifier_r50_rfs_4x4_2x_gumbel, at NMS IoU 0.5 instead of 0.3."""

_base_ = ['../baseline/mask-rcnn_r50_fpn_ce_rfs-ms-2x_lvis-v1.py', '../_base_/methods/gol-eql-gumbel-normed-cls.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method,
            loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True),
        ),
        mask_head=dict(predictor_cfg=dict(type='NormedConv2d')),
    )
)
