_base_ = './mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py'
model = dict(roi_head=dict(mask_head=dict(predictor_cfg=dict(type='NormedConv2d'))))
