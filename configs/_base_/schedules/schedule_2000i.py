"""2000 steps of 16 images, AdamW: six epochs of the 5009 training images of LongTailGlyphs' lvis preset."""

_base_ = './schedule_600i.py'
max_iters = 2000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=max_iters, eta_min=1e-5),
]
auto_scale_lr = dict(base_batch_size=16)
