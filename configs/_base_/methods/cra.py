"""Class-relative activations, initialized as in the GOL repository."""

method = dict(type='LongTailBBoxHead', cls_bias=-3.0, paper_init=True, loss_cls=dict(type='ClassRelativeActivations'))
