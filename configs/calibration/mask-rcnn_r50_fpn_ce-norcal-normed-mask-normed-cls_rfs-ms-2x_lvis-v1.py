"""NorCal (Pan et al., NeurIPS 2021); choose gamma by tools/analysis/calibrate.py."""

_base_ = './mask-rcnn_r50_fpn_ce-normed-mask-normed-cls_rfs-ms-2x_lvis-v1.py'
model = dict(roi_head=dict(bbox_head=dict(calibration=dict(type='NorCal', gamma=0.6))))
