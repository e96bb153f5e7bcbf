"""mmdet's mask-rcnn_r101_fpn_seesaw-loss_random-ms-2x_lvis-v1."""

_base_ = ['../baseline/mask-rcnn_r101_fpn_ce_random-ms-2x_lvis-v1.py', '../_base_/methods/seesaw.py']
model = dict(
    roi_head=dict(
        bbox_head=dict(
            _base_.method, loss_cls=dict(_base_.method.loss_cls, num_classes=_base_.num_classes, _delete_=True)
        )
    )
)
