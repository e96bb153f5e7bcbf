"""GOL activations/gumbel/gumbel_cascade_r50_4x4_1x, which resolves to R101."""

_base_ = ['../baseline/cascade-mask-rcnn_r101_fpn_ce_random-ms-1x_lvis-v1.py', '../_base_/methods/gumbel.py']
head = dict(_base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes))
model = dict(roi_head=dict(bbox_head=[dict(stage, **head) for stage in _base_.model.roi_head.bbox_head]))
