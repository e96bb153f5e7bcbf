_base_ = './mask-rcnn_r18_fpn_ce_rfs-ss-600i_glyphs.py'
train_dataloader = dict(dataset=dict(mode='instance'))
