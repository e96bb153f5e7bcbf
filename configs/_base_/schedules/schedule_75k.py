"""75 000 steps of 16 images, SGD: the second stage of cRT and LWS."""

_base_ = './schedule_90k.py'
max_iters = 75000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(_base_.param_scheduler[0], end=500),
    dict(_base_.param_scheduler[1], end=max_iters, milestones=[50000, 70000]),
]
