"""DropLoss with sigmoids, as in the GOL repository."""

_base_ = './gol-eql.py'
method = dict(
    # as `paper_init`, with classifier weights of 1e-2
    init_cfg=dict(type='Constant', val=1e-2, bias=-6.9, override=dict(name='fc_cls')),
    loss_cls=dict(type='DropLoss'),
)
