"""Sigmoid cross entropy, initialized as in the GOL repository."""

method = dict(type='LongTailBBoxHead', cls_bias=-6.5, paper_init=True, loss_cls=dict(type='SigmoidCE'))
