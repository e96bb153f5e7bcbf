_base_ = './atss_r18_fpn_focal_random-ss-600i_glyphs.py'
model = dict(
    bbox_head=dict(
        loss_cls=dict(_delete_=True, type='EFL', num_classes=_base_.num_classes, use_sigmoid=True),
    )
)
