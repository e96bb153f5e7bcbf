"""GOL activations/gumbel/gumbel_x101_4x4_1x; without the warm-up and float16 of the softmax and the sigmoid."""

_base_ = [
    '../_base_/models/mask-rcnn_x101-64x4d_fpn.py',
    '../_base_/datasets/lvis-v1_instance.py',
    '../_base_/schedules/schedule_1x.py',
    '../_base_/default_runtime.py',
    '../_base_/methods/gumbel.py',
]
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method,
            num_classes=_base_.num_classes,
            loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True),
        ),
        mask_head=dict(num_classes=_base_.num_classes),
    )
)
