"""Logit-adjusted cross entropy (Menon et al., ICLR 2021)."""

method = dict(type='LongTailBBoxHead', loss_cls=dict(type='LogitAdjustedCE', tau=1.0, count='image'))
