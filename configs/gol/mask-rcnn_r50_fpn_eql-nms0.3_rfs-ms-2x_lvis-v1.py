"""GOL gol/eql_r50_rfs_4x4_2x, at NMS IoU 0.3 instead of 0.5."""

_base_ = './mask-rcnn_r50_fpn_eql_rfs-ms-2x_lvis-v1.py'
model = dict(test_cfg=dict(rcnn=dict(nms=dict(iou_threshold=0.3))))
