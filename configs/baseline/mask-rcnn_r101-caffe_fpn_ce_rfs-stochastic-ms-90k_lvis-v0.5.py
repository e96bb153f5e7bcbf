"""RIO without its bank: RIO mask_rcnn_R_101_FPN_1x."""

_base_ = './mask-rcnn_r101-caffe_fpn_ce_random-ms-90k_lvis-v0.5.py'
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
