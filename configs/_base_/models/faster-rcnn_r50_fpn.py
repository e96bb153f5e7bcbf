"""Faster R-CNN R50-FPN: the Mask R-CNN without its mask branch."""

_base_ = './mask-rcnn_r50_fpn.py'
model = dict(
    type='FasterRCNN',
    data_preprocessor=dict(pad_mask=False),
    roi_head=dict(mask_roi_extractor=None, mask_head=None),
    train_cfg=dict(rcnn=dict(assigner=dict(match_low_quality=False))),
)
