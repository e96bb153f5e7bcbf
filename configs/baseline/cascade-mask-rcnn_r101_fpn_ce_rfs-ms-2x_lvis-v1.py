"""Softmax baseline of the Cascade R101 methods with RFS, 2x."""

_base_ = './cascade-mask-rcnn_r101_fpn_ce_random-ms-2x_lvis-v1.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=_base_.oversample_thr,
        dataset=_base_.train_dataloader.dataset,
    )
)
