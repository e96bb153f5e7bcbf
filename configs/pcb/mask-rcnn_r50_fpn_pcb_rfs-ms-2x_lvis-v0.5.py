"""PCB on softmax with RFS, on LVIS v0.5 (He et al., CVPR 2022)."""

_base_ = ['../baseline/mask-rcnn_r50_fpn_ce_rfs-ms-2x_lvis-v0.5.py', '../_base_/methods/pcb.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
custom_hooks = [*_base_.custom_hooks, dict(type='LossEpochHook')]
