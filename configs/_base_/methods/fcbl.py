"""Foreground classification balance loss (BACL, Qi et al., 2023), in one stage."""

method = dict(type='LongTailBBoxHead', prior_prob=1e-3, loss_cls=dict(type='FCBL'))
