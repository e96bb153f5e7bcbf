"""36 epochs of 16 images a step, AdamW and float16 (a GPU) as Swin is trained."""

_base_ = './schedule_1x_adamw.py'
train_cfg = dict(max_epochs=36, val_interval=36)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=36, milestones=[27, 33])]
