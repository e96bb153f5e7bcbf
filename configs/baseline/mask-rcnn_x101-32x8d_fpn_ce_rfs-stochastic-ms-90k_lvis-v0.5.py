"""RIO without its bank: RIO mask_rcnn_X_101_32x8d_FPN_1x."""

_base_ = [
    '../_base_/models/mask-rcnn_x101-32x8d_fpn.py',
    '../_base_/datasets/lvis-v0.5_instance.py',
    '../_base_/schedules/schedule_90k.py',
    '../_base_/iterations_runtime.py',
]
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=_base_.num_classes), mask_head=dict(num_classes=_base_.num_classes))
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=_base_.oversample_thr,
        rounding='stochastic',
        dataset=_base_.train_dataloader.dataset,
    ),
    sampler=dict(type='InfiniteRepeatFactorSampler'),
)
