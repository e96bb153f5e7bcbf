_base_ = './gfl_r18_fpn_qfl_random-ss-600i_glyphs.py'
model = dict(
    bbox_head=dict(
        loss_cls=dict(_delete_=True, type='EQFL', num_classes=_base_.num_classes, use_sigmoid=True),
    )
)
