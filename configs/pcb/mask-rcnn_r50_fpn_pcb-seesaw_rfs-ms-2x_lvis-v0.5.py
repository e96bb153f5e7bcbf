"""PCB on Seesaw loss with RFS, on LVIS v0.5 (He et al., CVPR 2022)."""

_base_ = ['../baseline/mask-rcnn_r50_fpn_ce_rfs-ms-2x_lvis-v0.5.py', '../_base_/methods/seesaw.py']
loss = dict(
    _delete_=True, type='PCB', num_classes=_base_.num_classes, base=_base_.method.loss_cls, alpha=0.05, start_epoch=17
)
model = dict(roi_head=dict(bbox_head=dict(_base_.method, loss_cls=loss)))
custom_hooks = [*_base_.custom_hooks, dict(type='LossEpochHook')]
