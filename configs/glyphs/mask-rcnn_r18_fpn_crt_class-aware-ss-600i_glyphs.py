_base_ = ['./mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py', '../_base_/methods/decoupled.py']
train_dataloader = dict(sampler=dict(_delete_=True, type='InfiniteClassAwareSampler'))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FirstStageHook', first_stage='mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs', fresh=[_base_.classifier]),
    dict(type='FreezeHook', frozen=_base_.still),
]
