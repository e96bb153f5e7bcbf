_base_ = './mask-rcnn_r18_fpn_ce_rfs-ss-600i_glyphs.py'
pasted = dict(type='RareCopyPaste', oversample_thr=1 / 30, mask_occluded_thr=30, bbox_occluded_thr=2)
pipeline = [*_base_.train_pipeline[:2], pasted, *_base_.train_pipeline[2:]]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=pipeline)))
