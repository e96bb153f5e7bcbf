_base_ = ['./mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py', '../_base_/methods/decoupled.py']
model = dict(roi_head=dict(bbox_head=dict(cls_predictor_cfg=dict(type='LWSLinear'))))
train_dataloader = dict(sampler=dict(_delete_=True, type='InfiniteClassAwareSampler'))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FirstStageHook', first_stage='mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs'),
    dict(type='FreezeHook', trained=[f'{_base_.classifier}.scale']),
]
