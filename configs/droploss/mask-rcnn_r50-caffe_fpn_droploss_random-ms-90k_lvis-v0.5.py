"""DropLoss as its authors train it: DropLoss/droploss_mask_rcnn_R_50_FPN_1x."""

_base_ = ['../baseline/mask-rcnn_r50-caffe_fpn_ce_random-ms-90k_lvis-v0.5.py', '../_base_/methods/droploss.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
