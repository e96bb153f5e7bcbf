_base_ = ['./mask-rcnn_r18_fpn_ce_random-ss-2000i_glyphs-lvis.py', '../_base_/datasets/glyphs-lvis_rfs.py']
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        oversample_thr=_base_.oversample_thr,
        dataset=_base_.train_dataloader.dataset,
    )
)
