"""GOL activations/r50_4x4_2x, tested with the sigmoid it is trained with."""

_base_ = ['../baseline/mask-rcnn_r50_fpn_ce_random-ms-2x_lvis-v1.py', '../_base_/methods/sigmoid.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
