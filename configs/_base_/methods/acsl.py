"""ACSL (Wang et al., CVPR 2021), in one stage."""

method = dict(type='LongTailBBoxHead', prior_prob=0.01, loss_cls=dict(type='ACSL'))
