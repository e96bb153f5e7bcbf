"""EQLv2 on Open Images: EQLv2 openimages."""

_base_ = ['../baseline/faster-rcnn_r50_fpn_ce_random-ss-180k_openimages.py', '../_base_/methods/eqlv2.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
