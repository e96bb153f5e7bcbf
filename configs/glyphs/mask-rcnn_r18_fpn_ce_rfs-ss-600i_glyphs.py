_base_ = './mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='RepeatFactorDataset',
        # 100 of the 3000 images, as 1e-3 is of LVIS: a class gets the factor that LVIS gives one of as many images
        oversample_thr=1 / 30,
        dataset=_base_.train_dataloader.dataset,
    )
)
