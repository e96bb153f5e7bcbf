"""DropLoss as its authors train it (Hsieh et al., AAAI 2021): threshold and prior of EQL."""

_base_ = './eql.py'
method = dict(loss_cls=dict(type='DropLoss'))
