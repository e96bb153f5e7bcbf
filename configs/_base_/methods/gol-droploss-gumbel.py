"""DropLoss with the Gumbel activation, as in the GOL repository."""

_base_ = './gol-eql-gumbel.py'
method = dict(loss_cls=dict(type='DropLoss'))
