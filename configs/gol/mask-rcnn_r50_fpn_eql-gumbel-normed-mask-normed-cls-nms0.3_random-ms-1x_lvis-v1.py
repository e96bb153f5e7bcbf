"""GOL gol/eql_normed_mask_classifier_r50_4x4_1x_gumbel."""

_base_ = './mask-rcnn_r50_fpn_eql-gumbel-normed-mask-normed-cls_random-ms-1x_lvis-v1.py'
model = dict(test_cfg=dict(rcnn=dict(nms=dict(iou_threshold=0.3))))
