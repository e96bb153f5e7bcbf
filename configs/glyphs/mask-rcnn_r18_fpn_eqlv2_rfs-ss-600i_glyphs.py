_base_ = ['./mask-rcnn_r18_fpn_eqlv2_random-ss-600i_glyphs.py', '../_base_/datasets/glyphs_rfs.py']
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=_base_.oversample_thr,
        dataset=_base_.train_dataloader.dataset,
    )
)
