"""NorCal (Pan et al., NeurIPS 2021) on detectron2's model of LVIS v0.5; choose gamma by tools/analysis/calibrate.py."""

_base_ = '../baseline/mask-rcnn_r50-caffe_fpn_ce_rfs-stochastic-ms-90k_lvis-v0.5.py'
model = dict(roi_head=dict(bbox_head=dict(calibration=dict(type='NorCal', gamma=0.6))))
