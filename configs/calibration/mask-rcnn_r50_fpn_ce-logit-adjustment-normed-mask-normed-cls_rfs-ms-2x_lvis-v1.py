"""Post-hoc logit adjustment (Menon et al., ICLR 2021) by instance counts."""

_base_ = './mask-rcnn_r50_fpn_ce-normed-mask-normed-cls_rfs-ms-2x_lvis-v1.py'
model = dict(roi_head=dict(bbox_head=dict(calibration=dict(type='LogitAdjustment', tau=1.0, count='instance'))))
