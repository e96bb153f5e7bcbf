"""mmdet's mask-rcnn_r101_fpn_seesaw-loss-normed-mask_sample1e-3-ms-2x_lvis-v1."""

_base_ = './mask-rcnn_r101_fpn_seesaw_rfs-ms-2x_lvis-v1.py'
model = dict(roi_head=dict(mask_head=dict(predictor_cfg=dict(type='NormedConv2d'))))
