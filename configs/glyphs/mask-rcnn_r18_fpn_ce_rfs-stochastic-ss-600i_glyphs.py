_base_ = './mask-rcnn_r18_fpn_ce_rfs-ss-600i_glyphs.py'
train_dataloader = dict(sampler=dict(type='InfiniteRepeatFactorSampler'), dataset=dict(rounding='stochastic'))
