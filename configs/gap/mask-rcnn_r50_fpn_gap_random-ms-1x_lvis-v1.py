"""GAP beside softmax cross entropy (Zhang et al., ICCV 2023)."""

_base_ = ['../baseline/mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1.py', '../_base_/methods/gap.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
