"""12 epochs of 16 images a step, AdamW and float16 (a GPU) as Swin is trained."""

_base_ = './schedule_1x.py'
param_scheduler = [dict(_base_.param_scheduler[0], end=1000), _base_.param_scheduler[1]]
no_decay = dict(decay_mult=0.0)
optim_wrapper = dict(
    type='AmpOptimWrapper',
    # dynamic, from here
    loss_scale=dict(init_scale=512),
    optimizer=dict(_delete_=True, type='AdamW', lr=0.0001, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(
        custom_keys=dict(absolute_pos_embed=no_decay, relative_position_bias_table=no_decay, norm=no_decay)
    ),
)
