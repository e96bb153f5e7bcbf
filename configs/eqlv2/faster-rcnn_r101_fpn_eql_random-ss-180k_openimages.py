"""EQL on Open Images: EQLv2 openimages, on R101. 250 of the 500 classes have fewer than 1652 instances."""

_base_ = ['../baseline/faster-rcnn_r101_fpn_ce_random-ss-180k_openimages.py', '../_base_/methods/eql-prior.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method,
            loss_cls=dict(type='EQL', num_classes=_base_.num_classes, lambda_instances=1652, _delete_=True),
        )
    )
)
