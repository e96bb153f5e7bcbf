"""PCB on softmax, from epoch 17 of 24 (He et al., CVPR 2022); it wants LossEpochHook in custom_hooks."""

method = dict(
    type='LongTailBBoxHead', loss_cls=dict(type='PCB', base=dict(type='CrossEntropyLoss'), alpha=0.4, start_epoch=17)
)
