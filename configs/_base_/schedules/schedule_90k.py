"""90 000 steps of 16 images, SGD: what detectron2 calls 1x, some 25 epochs of LVIS v0.5 and 14 of v1."""

_base_ = './schedule_1x.py'
max_iters = 90000
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=max_iters, val_interval=max_iters)
param_scheduler = [
    dict(_base_.param_scheduler[0], end=1000),
    dict(type='MultiStepLR', by_epoch=False, begin=0, end=max_iters, milestones=[60000, 80000], gamma=0.1),
]
