"""ECM with normalized predictors and its authors' warm-up (Cho and Krähenbühl, ECCV 2022)."""

_base_ = ['../baseline/mask-rcnn_r50_fpn_ce_rfs-ms-1x_lvis-v1.py', '../_base_/methods/ecm.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        ),
        mask_head=dict(predictor_cfg=dict(type='NormedConv2d')),
    )
)
param_scheduler = [dict(_base_.param_scheduler[0], start_factor=1e-4, end=10000), _base_.param_scheduler[1]]
optim_wrapper = dict(clip_grad=dict(max_norm=5))
