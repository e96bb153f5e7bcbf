"""GOL gol/droploss_normed_mask_r50_4x4_2x_gumbel."""

_base_ = './mask-rcnn_r50_fpn_droploss-gumbel-normed-mask_random-ms-2x_lvis-v1.py'
model = dict(test_cfg=dict(rcnn=dict(nms=dict(iou_threshold=0.3))))
