"""Gumbel cross entropy, initialized as in the GOL repository (Alexandridis et al., ECCV 2022)."""

method = dict(type='LongTailBBoxHead', cls_bias=-2.0, paper_init=True, loss_cls=dict(type='GumbelCE'))
