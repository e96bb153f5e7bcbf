"""Inverse image frequency (Alexandridis et al., 2022)."""

method = dict(type='LongTailBBoxHead', loss_cls=dict(type='IIFLoss'))
