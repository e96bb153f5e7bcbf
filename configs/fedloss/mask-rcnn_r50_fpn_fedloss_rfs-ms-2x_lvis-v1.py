"""FedLoss with the threshold of CenterNet2 and Detic, on Mask R-CNN (Zhou et al., 2021)."""

_base_ = ['../baseline/mask-rcnn_r50_fpn_ce_rfs-ms-2x_lvis-v1.py', '../_base_/methods/fedloss.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    ),
    test_cfg=dict(rcnn=dict(score_thr=0.02)),
)
