"""GOL gol/droploss_swin_3x_rfs."""

_base_ = './mask-rcnn_swin-t-p4-w7_fpn_droploss-gumbel-normed-mask_rfs-ms-3x_lvis-v1.py'
model = dict(test_cfg=dict(rcnn=dict(nms=dict(iou_threshold=0.3))))
