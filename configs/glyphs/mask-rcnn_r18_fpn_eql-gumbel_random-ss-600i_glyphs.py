_base_ = './mask-rcnn_r18_fpn_eql_random-ss-600i_glyphs.py'
model = dict(roi_head=dict(bbox_head=dict(prior_prob=None, cls_bias=-2.0, loss_cls=dict(activation='gumbel'))))
