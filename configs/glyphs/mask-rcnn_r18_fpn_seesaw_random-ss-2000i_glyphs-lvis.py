_base_ = './mask-rcnn_r18_fpn_ce_random-ss-2000i_glyphs-lvis.py'
model = dict(
    roi_head=dict(bbox_head=dict(loss_cls=dict(_delete_=True, type='SeesawLoss', num_classes=_base_.num_classes)))
)
