"""Hybrid Task Cascade R101-FPN without the semantic branch, as mmdet's `htc-without-semantic`."""

_base_ = './cascade-mask-rcnn_r101_fpn.py'

stage_mask_head = dict(_base_.model.roi_head.mask_head, type='LabelHTCMaskHead')
# mmdet's HTC searches a match for every object in each stage, its Cascade does not
stage_assigner = dict(match_low_quality=True)

model = dict(
    type='HybridTaskCascade',
    roi_head=dict(
        type='HybridTaskCascadeRoIHead',
        interleaved=True,
        mask_info_flow=True,
        mask_head=[dict(stage_mask_head, with_conv_res=stage > 0) for stage in range(3)],
    ),
    train_cfg=dict(
        rcnn=[dict(stage, assigner=dict(stage.assigner, **stage_assigner)) for stage in _base_.model.train_cfg.rcnn]
    ),
)

del stage_mask_head, stage_assigner  # no part of the config
