_base_ = './mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py'
# 600 steps of 8 images are 1.6 epochs: PCB is on in the last 225 steps, as in the last 8 of 24 epochs of its authors
model = dict(
    roi_head=dict(
        bbox_head=dict(
            loss_cls=dict(
                _delete_=True,
                num_classes=_base_.num_classes,
                type='PCB',
                base=dict(type='CrossEntropyLoss'),
                alpha=0.4,
                start_epoch=2,
            )
        )
    )
)
custom_hooks = [*_base_.custom_hooks, dict(type='LossEpochHook')]
