"""BAGS: EQLv2 decouple/bags_r50_8x2_1x. Group softmax, classifier anew (Li et al., CVPR 2020)."""

_base_ = [
    '../baseline/mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1.py',
    '../_base_/methods/decoupled.py',
]
model = dict(
    roi_head=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='GroupSoftmax', num_classes=_base_.num_classes)))
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FirstStageHook', first_stage='mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1', fresh=[_base_.classifier]),
    dict(type='FreezeHook', frozen=_base_.still),
]
