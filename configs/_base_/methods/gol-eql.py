"""EQL of the GOL repository, classifier bias 0."""

method = dict(
    type='LongTailBBoxHead',
    # on LVIS v1: classes with at most 109 training images, 17 frequent ones among them
    loss_cls=dict(type='EQL', lambda_=1.1e-3),
)
