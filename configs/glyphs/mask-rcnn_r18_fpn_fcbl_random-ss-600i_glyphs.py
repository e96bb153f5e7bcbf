_base_ = ['./mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py', '../_base_/methods/decoupled.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(prior_prob=1e-3, loss_cls=dict(_delete_=True, type='FCBL', num_classes=_base_.num_classes))
    )
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FirstStageHook', first_stage='mask-rcnn_r18_fpn_sigmoid_random-ss-600i_glyphs'),
    dict(
        type='FreezeHook',
        trained=['rpn_head', 'roi_head.bbox_head.fc_cls', 'roi_head.bbox_head.fc_reg', 'roi_head.mask_head'],
    ),
]
