"""Balanced group softmax (BAGS, Li et al., CVPR 2020), in one stage."""

method = dict(type='LongTailBBoxHead', loss_cls=dict(type='GroupSoftmax'))
