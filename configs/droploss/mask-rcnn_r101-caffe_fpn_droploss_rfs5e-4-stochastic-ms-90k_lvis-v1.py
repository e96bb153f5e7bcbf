"""DropLoss with its authors' settings, on R101."""

_base_ = [
    '../baseline/mask-rcnn_r101-caffe_fpn_ce_rfs5e-4-stochastic-ms-90k_lvis-v1.py',
    '../_base_/methods/droploss.py',
]
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
