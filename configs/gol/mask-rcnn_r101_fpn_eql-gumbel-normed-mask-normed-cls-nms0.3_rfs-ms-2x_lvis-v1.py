"""GOL gol/eql_normed_mask_classifier_r101_rfs_4x4_2x_gumbel."""

_base_ = './mask-rcnn_r101_fpn_eql-gumbel-normed-mask-normed-cls_rfs-ms-2x_lvis-v1.py'
model = dict(test_cfg=dict(rcnn=dict(nms=dict(iou_threshold=0.3))))
