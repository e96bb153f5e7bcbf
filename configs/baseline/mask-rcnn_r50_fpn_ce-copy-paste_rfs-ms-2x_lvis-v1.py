"""Softmax baseline with RFS, and instances of rare and common classes pasted into the images."""

_base_ = './mask-rcnn_r50_fpn_ce_rfs-ms-2x_lvis-v1.py'
pasted = dict(type='RareCopyPaste', oversample_thr=_base_.oversample_thr)
pipeline = [*_base_.train_pipeline[:2], pasted, *_base_.train_pipeline[2:]]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=pipeline)))
