_base_ = './mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py'
model = dict(roi_head=dict(bbox_head=dict(calibration=dict(type='FRACAL', strength=2.0))))
