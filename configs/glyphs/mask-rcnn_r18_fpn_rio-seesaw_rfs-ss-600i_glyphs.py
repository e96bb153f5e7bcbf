_base_ = './mask-rcnn_r18_fpn_rio_rfs-ss-600i_glyphs.py'
model = dict(
    roi_head=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='SeesawLoss', num_classes=_base_.num_classes)))
)
