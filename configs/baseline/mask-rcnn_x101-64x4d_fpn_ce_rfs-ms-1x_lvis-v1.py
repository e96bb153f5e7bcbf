"""Softmax baseline with RFS: mmdet's LVIS v1 model."""

_base_ = [
    '../_base_/models/mask-rcnn_x101-64x4d_fpn.py',
    '../_base_/datasets/lvis-v1_instance.py',
    '../_base_/schedules/schedule_1x.py',
    '../_base_/default_runtime.py',
]
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=_base_.num_classes), mask_head=dict(num_classes=_base_.num_classes))
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=_base_.oversample_thr,
        dataset=_base_.train_dataloader.dataset,
    )
)
