"""EQL as in detectron2: EQL/eql_mask_rcnn_R_101_FPN_1x_nosj."""

_base_ = ['../baseline/mask-rcnn_r101-caffe_fpn_ce_random-ss-90k_lvis-v0.5.py', '../_base_/methods/eql.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
