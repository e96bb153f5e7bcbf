"""Softmax baseline in detectron2's style, without scale jitter."""

_base_ = './mask-rcnn_r50-caffe_fpn_ce_random-ms-90k_lvis-v0.5.py'

# the one resize of the test pipeline in place of the random one
train_pipeline = [_base_.test_pipeline[1] if t.type == 'RandomChoiceResize' else t for t in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
