_base_ = './atss_r18_fpn_focal_random-ss-600i_glyphs.py'
model = dict(
    type='GFL',
    bbox_head=dict(
        type='GFLHead',
        reg_max=16,
        loss_cls=dict(_delete_=True, type='QualityFocalLoss', use_sigmoid=True, beta=2.0),
        loss_dfl=dict(type='DistributionFocalLoss', loss_weight=0.25),
    ),
)
