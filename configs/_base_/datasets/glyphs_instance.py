"""LongTailGlyphs of the default size (python tools/data/make_glyphs.py --out data/glyphs)."""

num_classes = 80
dataset_type = 'LVISDataset'
data_root = 'data/glyphs/'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadDeferredMasks', with_bbox=True, with_mask=True),
    # no flip: a mirrored character is another one, or none
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    # at its own size: mmdet's heads want the scale factor that a resize leaves behind
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='LoadDeferredMasks', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/glyphs_train.json',
        data_prefix=dict(img=''),
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/glyphs_val.json',
        data_prefix=dict(img=''),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='FastLVISMetric', ann_file=data_root + 'annotations/glyphs_val.json', metric=['bbox', 'segm'])
test_evaluator = val_evaluator
