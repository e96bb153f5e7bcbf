_base_ = './mask-rcnn_r50_fpn_ce_random-ms-2x_lvis-v1.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='ClassBalancedDataset', oversample_thr=1e-3, dataset=_base_.train_dataloader.dataset
    )
)
