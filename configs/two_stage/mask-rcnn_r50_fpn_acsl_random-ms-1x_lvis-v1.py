"""ACSL: classifier anew and alone, from the softmax baseline (Wang et al., CVPR 2021)."""

_base_ = [
    '../baseline/mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1.py',
    '../_base_/methods/decoupled.py',
]
model = dict(
    roi_head=dict(
        bbox_head=dict(prior_prob=0.01, loss_cls=dict(_delete_=True, type='ACSL', num_classes=_base_.num_classes))
    )
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FirstStageHook', first_stage='mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1', fresh=[_base_.classifier]),
    dict(type='FreezeHook', trained=[_base_.classifier]),
]
