"""Softmax baseline with RFS: mmdet's LVIS v1 model, GOL activations/r50_rfs_4x4_1x_softmax,
EQLv2 mask_rcnn_r50_sample1e-3_8x2_1x."""

_base_ = './mask-rcnn_r50_fpn_ce_random-ms-1x_lvis-v1.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=_base_.oversample_thr,
        dataset=_base_.train_dataloader.dataset,
    )
)
