"""LOCE: EBL and a memory of features, from the softmax baseline of 24 epochs (Feng et al., ICCV 2021)."""

_base_ = [
    '../baseline/mask-rcnn_r50_fpn_ce_random-ms-2x_lvis-v1.py',
    '../_base_/methods/decoupled.py',
]
model = dict(
    roi_head=dict(
        type='LOCERoIHead',
        bbox_head=dict(type='LOCEBBoxHead', loss_cls=dict(_delete_=True, type='EBL', num_classes=_base_.num_classes)),
    )
)
train_cfg = dict(max_epochs=6, val_interval=6)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=6, milestones=[3, 5])]
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FirstStageHook', first_stage='mask-rcnn_r50_fpn_ce_random-ms-2x_lvis-v1'),
    dict(
        type='FreezeHook',
        trained=['rpn_head', 'roi_head.bbox_head.fc_cls', 'roi_head.bbox_head.fc_reg', 'roi_head.mask_head'],
    ),
    dict(type='FillBankHook'),
]
