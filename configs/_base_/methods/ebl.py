"""Equilibrium loss (LOCE, Feng et al., ICCV 2021), in one stage."""

method = dict(type='LongTailBBoxHead', loss_cls=dict(type='EBL'))
