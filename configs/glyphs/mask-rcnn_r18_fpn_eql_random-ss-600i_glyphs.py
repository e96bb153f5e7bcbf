_base_ = './mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py'
model = dict(
    roi_head=dict(
        bbox_head=dict(
            type='LongTailBBoxHead',
            prior_prob=1e-3,
            # of 3000 annotated images: at most 100, rare and common classes
            loss_cls=dict(_delete_=True, type='EQL', num_classes=_base_.num_classes, lambda_=0.0335),
        )
    )
)
