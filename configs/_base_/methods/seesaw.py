"""Seesaw loss with the normalized classifier (Wang et al., CVPR 2021)."""

method = dict(
    # temperature 20, the default; mmdet and its fork spell the argument differently
    cls_predictor_cfg=dict(type='NormedLinear'),
    loss_cls=dict(type='SeesawLoss', p=0.8, q=2.0),
)
