"""cRT: EQLv2 decouple/crt_r50_8x2_1x. Classifier anew, class-aware sampling (Kang et al., ICLR 2020)."""

_base_ = [
    '../_base_/models/mask-rcnn_r50_fpn.py',
    '../_base_/datasets/lvis-v1_instance.py',
    '../_base_/schedules/schedule_75k.py',
    '../_base_/iterations_runtime.py',
    '../_base_/methods/decoupled.py',
]
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=_base_.num_classes), mask_head=dict(num_classes=_base_.num_classes))
)
train_dataloader = dict(sampler=dict(_delete_=True, type='InfiniteClassAwareSampler'))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FirstStageHook', first_stage='mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1', fresh=[_base_.classifier]),
    dict(type='FreezeHook', frozen=_base_.still),
]
