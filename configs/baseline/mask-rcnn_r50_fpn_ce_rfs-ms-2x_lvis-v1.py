"""Softmax baseline with RFS: GOL activations/r50_rfs_4x4_2x_softmax."""

_base_ = './mask-rcnn_r50_fpn_ce_random-ms-2x_lvis-v1.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=_base_.oversample_thr,
        dataset=_base_.train_dataloader.dataset,
    )
)
