"""Softmax baseline of FRACAL (Alexandridis et al., CVPR 2025); the original's mask head also upsamples by CARAFE."""

_base_ = '../baseline/mask-rcnn_r50_fpn_ce_rfs-ms-2x_lvis-v1.py'
model = dict(
    roi_head=dict(
        bbox_head=dict(cls_predictor_cfg=dict(type='NormedLinear', temperature=20)),
        mask_head=dict(predictor_cfg=dict(type='NormedConv2d')),
    )
)
optim_wrapper = dict(type='AmpOptimWrapper')
