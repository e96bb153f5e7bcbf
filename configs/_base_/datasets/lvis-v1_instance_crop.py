"""LVIS v1, trained as Swin is: eleven scales, half of the images cropped before; every image once an epoch."""

_base_ = './lvis-v1_instance.py'

sizes = dict(type='RandomChoiceResize', keep_ratio=True, scales=[(1333, side) for side in range(480, 801, 32)])
flip = dict(type='RandomFlip', prob=0.5)
resize_or_crop = dict(
    type='RandomChoice',
    transforms=[
        [sizes],
        [
            dict(sizes, scales=[(1333, 400), (1333, 500), (1333, 600)]),
            dict(type='RandomCrop', crop_type='absolute_range', crop_size=(384, 600), allow_negative_crop=True),
            sizes,
        ],
    ],
)
train_pipeline = [*_base_.train_pipeline[:2], flip, resize_or_crop, dict(type='PackDetInputs')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

del sizes, flip, resize_or_crop  # no part of the config
