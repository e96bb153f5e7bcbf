"""Softmax baseline of the Swin-T methods, 3x."""

_base_ = [
    '../_base_/models/mask-rcnn_swin-t-p4-w7_fpn.py',
    '../_base_/datasets/lvis-v1_instance_crop.py',
    '../_base_/schedules/schedule_3x_adamw.py',
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
