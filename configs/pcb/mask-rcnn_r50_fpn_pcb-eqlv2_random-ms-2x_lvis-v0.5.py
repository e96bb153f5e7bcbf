"""PCB on EQLv2, sampled as EQLv2 is, on LVIS v0.5 (He et al., CVPR 2022)."""

_base_ = ['../baseline/mask-rcnn_r50_fpn_ce_random-ms-2x_lvis-v0.5.py', '../_base_/methods/eqlv2.py']
loss = dict(
    _delete_=True, type='PCB', num_classes=_base_.num_classes, base=_base_.method.loss_cls, alpha=0.2, start_epoch=17
)
model = dict(roi_head=dict(bbox_head=dict(_base_.method, loss_cls=loss)))
custom_hooks = [*_base_.custom_hooks, dict(type='LossEpochHook')]
