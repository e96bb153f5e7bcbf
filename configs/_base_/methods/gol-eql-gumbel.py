"""EQL with the Gumbel activation, as in the GOL repository."""

_base_ = './gol-eql.py'
method = dict(cls_bias=-2.0, paper_init=True, loss_cls=dict(activation='gumbel'))
