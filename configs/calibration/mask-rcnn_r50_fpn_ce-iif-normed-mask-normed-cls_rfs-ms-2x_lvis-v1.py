"""Inverse image frequency (Alexandridis et al., IEEE TIP 2023) at test alone; the paper also trains with it."""

_base_ = './mask-rcnn_r50_fpn_ce-normed-mask-normed-cls_rfs-ms-2x_lvis-v1.py'
model = dict(roi_head=dict(bbox_head=dict(calibration=dict(type='IIF'))))
