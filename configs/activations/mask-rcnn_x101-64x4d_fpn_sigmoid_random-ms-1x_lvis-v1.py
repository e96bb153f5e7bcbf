"""GOL activations/x101_4x4_1x, tested with the sigmoid it is trained with; float16 (a GPU)."""

_base_ = ['../baseline/mask-rcnn_x101-64x4d_fpn_ce_random-ms-1x_lvis-v1.py', '../_base_/methods/sigmoid.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
