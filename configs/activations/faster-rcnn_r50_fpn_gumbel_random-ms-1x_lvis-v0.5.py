"""GOL activations/gumbel/gumbel_fr50_4x4_1x_lvis05."""

_base_ = ['../baseline/faster-rcnn_r50_fpn_ce_random-ms-1x_lvis-v0.5.py', '../_base_/methods/gumbel.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
