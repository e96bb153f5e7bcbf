"""LogN (Zhao et al., 2022): logit statistics of training images at the end of training, threshold 0."""

_base_ = './mask-rcnn_r50_fpn_ce-normed-mask-normed-cls_rfs-ms-2x_lvis-v1.py'
model = dict(
    roi_head=dict(bbox_head=dict(calibration=dict(type='LogN'))),
    test_cfg=dict(rcnn=dict(score_thr=0.0)),
)
custom_hooks = [*_base_.custom_hooks, dict(type='LogitStatisticsHook')]
