"""PCB on Seesaw loss with RFS (He et al., CVPR 2022)."""

_base_ = '../seesaw/mask-rcnn_r50_fpn_seesaw_rfs-ms-2x_lvis-v1.py'
model = dict(
    roi_head=dict(
        bbox_head=dict(
            type='LongTailBBoxHead',
            loss_cls=dict(
                _delete_=True,
                type='PCB',
                num_classes=_base_.num_classes,
                base=_base_.model.roi_head.bbox_head.loss_cls,
                alpha=0.05,
                start_epoch=17,
            ),
        )
    )
)
custom_hooks = [*_base_.custom_hooks, dict(type='LossEpochHook')]
