"""EQLv2 with its default gamma, mu and alpha (Tan et al., CVPR 2021)."""

method = dict(type='LongTailBBoxHead', prior_prob=1e-3, loss_cls=dict(type='EQLv2'))
