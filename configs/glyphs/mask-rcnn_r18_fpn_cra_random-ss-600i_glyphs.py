_base_ = './mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py'
model = dict(
    roi_head=dict(
        bbox_head=dict(
            type='LongTailBBoxHead',
            cls_bias=-3.0,
            loss_cls=dict(_delete_=True, type='ClassRelativeActivations', num_classes=_base_.num_classes),
        )
    )
)
