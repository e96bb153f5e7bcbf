"""DropLoss with sigmoids, as in the GOL repository."""

_base_ = './gol-eql.py'
method = dict(cls_bias=-6.9, paper_init=True, loss_cls=dict(type='DropLoss'))
