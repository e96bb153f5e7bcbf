"""LongTailGlyphs, boxes alone."""

_base_ = './glyphs_instance.py'

boxes_only = dict(type='LoadAnnotations', with_bbox=True)
train_pipeline = [boxes_only if t.type == 'LoadDeferredMasks' else t for t in _base_.train_pipeline]
test_pipeline = [boxes_only if t.type == 'LoadDeferredMasks' else t for t in _base_.test_pipeline]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(metric=['bbox'])
test_evaluator = val_evaluator
