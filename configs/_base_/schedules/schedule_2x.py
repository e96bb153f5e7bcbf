"""24 epochs of 16 images a step, SGD."""

_base_ = './schedule_1x.py'
train_cfg = dict(max_epochs=24, val_interval=24)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=24, milestones=[16, 22])]
