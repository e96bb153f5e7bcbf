"""ECM of 24 epochs, which lower the rate later than other configs of 24 do."""

_base_ = './mask-rcnn_r50_fpn_ecm-normed-mask_rfs-ms-1x_lvis-v1.py'
train_cfg = dict(max_epochs=24, val_interval=24)
param_scheduler = [_base_.param_scheduler[0], dict(_base_.param_scheduler[1], end=24, milestones=[20, 22])]
