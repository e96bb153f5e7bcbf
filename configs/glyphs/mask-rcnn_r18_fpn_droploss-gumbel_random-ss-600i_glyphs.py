_base_ = './mask-rcnn_r18_fpn_eql-gumbel_random-ss-600i_glyphs.py'
model = dict(roi_head=dict(bbox_head=dict(loss_cls=dict(type='DropLoss'))))
