"""Softmax baseline in detectron2's style, with its RFS at 5e-4."""

_base_ = './mask-rcnn_r50-caffe_fpn_ce_random-ms-90k_lvis-v0.5.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=5e-4,
        rounding='stochastic',
        dataset=_base_.train_dataloader.dataset,
    ),
    sampler=dict(type='InfiniteRepeatFactorSampler'),
)
