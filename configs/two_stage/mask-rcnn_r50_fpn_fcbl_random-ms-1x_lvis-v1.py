"""FCBL, second stage of BACL, from a sigmoid baseline (Qi et al., 2023)."""

_base_ = [
    '../baseline/mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1.py',
    '../_base_/methods/decoupled.py',
]
model = dict(
    train_cfg=dict(rpn_proposal=dict(max_per_img=2000)),
    roi_head=dict(
        bbox_head=dict(prior_prob=1e-3, loss_cls=dict(_delete_=True, type='FCBL', num_classes=_base_.num_classes))
    ),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='FirstStageHook', first_stage='mask-rcnn_r50_fpn_sigmoid_random-ms-1x_lvis-v1'),
    dict(
        type='FreezeHook',
        trained=['rpn_head', 'roi_head.bbox_head.fc_cls', 'roi_head.bbox_head.fc_reg', 'roi_head.mask_head'],
    ),
]
