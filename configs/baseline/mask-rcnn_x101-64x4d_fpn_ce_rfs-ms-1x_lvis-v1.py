"""Softmax baseline with RFS: mmdet's LVIS v1 model."""

_base_ = './mask-rcnn_x101-64x4d_fpn_ce_random-ms-1x_lvis-v1.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=_base_.oversample_thr,
        dataset=_base_.train_dataloader.dataset,
    )
)
