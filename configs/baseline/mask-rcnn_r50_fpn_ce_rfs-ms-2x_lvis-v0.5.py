"""Softmax baseline with RFS: mmdet's LVIS v0.5 model, GOL activations/r50_rfs_4x4_2x_softmax_lvisv0.5."""

_base_ = './mask-rcnn_r50_fpn_ce_random-ms-2x_lvis-v0.5.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=_base_.oversample_thr,
        dataset=_base_.train_dataloader.dataset,
    )
)
