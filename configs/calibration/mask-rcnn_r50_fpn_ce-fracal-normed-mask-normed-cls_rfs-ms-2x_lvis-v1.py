"""FRACAL (Alexandridis et al., CVPR 2025) at the thresholds of its baseline: NMS 0.5, mask 0.5."""

_base_ = './mask-rcnn_r50_fpn_ce-normed-mask-normed-cls_rfs-ms-2x_lvis-v1.py'
model = dict(roi_head=dict(bbox_head=dict(calibration=dict(type='FRACAL', strength=2.0))))
