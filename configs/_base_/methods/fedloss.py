"""FedLoss of CenterNet2 and Detic (Zhou et al., 2021): 50 classes a step, scores that start at 0.01."""

method = dict(
    type='LongTailBBoxHead',
    prior_prob=0.01,
    cls_on_demand=True,
    loss_cls=dict(type='FedLoss', num_sampled=50, power=0.5),
)
