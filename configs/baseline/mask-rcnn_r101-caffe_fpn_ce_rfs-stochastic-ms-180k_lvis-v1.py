"""RIO without its bank: RIO mask_rcnn_R_101_FPN_1x on v1."""

_base_ = [
    '../_base_/models/mask-rcnn_r101-caffe_fpn.py',
    '../_base_/datasets/lvis-v1_instance.py',
    '../_base_/schedules/schedule_180k.py',
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
