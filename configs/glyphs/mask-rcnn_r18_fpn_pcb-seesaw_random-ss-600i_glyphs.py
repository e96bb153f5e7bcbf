_base_ = './mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py'
# the schedule counts steps, so PCB starts as soon as it has seen every class
model = dict(
    roi_head=dict(
        bbox_head=dict(
            loss_cls=dict(
                _delete_=True,
                num_classes=_base_.num_classes,
                type='PCB',
                base=dict(type='SeesawLoss'),
                alpha=0.05,
                start_epoch=0,
            )
        )
    )
)
