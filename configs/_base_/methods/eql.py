"""EQL as its detectron2 code trains it (Tan et al., CVPR 2020)."""

method = dict(
    type='LongTailBBoxHead',
    prior_prob=1e-3,
    # on LVIS v0.5: classes with at most 100 training images; on v1 it takes those with at most 175
    loss_cls=dict(type='EQL', lambda_=1.77e-3),
)
