"""180 000 steps of 16 images, SGD."""

_base_ = './schedule_90k.py'
max_iters = 180000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=max_iters, milestones=[120000, 160000]),
]
