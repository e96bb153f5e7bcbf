"""EQL on Open Images: EQLv2 openimages. Its threshold of 1652 instances becomes 1652 of 1.74 million images."""

_base_ = ['../baseline/faster-rcnn_r50_fpn_ce_random-ms-2x_openimages.py', '../_base_/methods/gol-eql.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method,
            loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, lambda_=9.5e-4, _delete_=True),
        )
    )
)
