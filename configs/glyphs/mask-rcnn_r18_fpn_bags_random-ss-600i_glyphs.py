_base_ = ['./mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py', '../_base_/methods/decoupled.py']
model = dict(
    roi_head=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='GroupSoftmax', num_classes=_base_.num_classes)))
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FirstStageHook', first_stage='mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs', fresh=[_base_.classifier]),
    dict(type='FreezeHook', frozen=_base_.still),
]
