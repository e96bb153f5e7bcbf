"""GOL gol/eql_normed_mask_r50_4x4_2x_gumbel, at NMS IoU 0.5 instead of 0.3."""

_base_ = './mask-rcnn_r50_fpn_eql-gumbel_random-ms-2x_lvis-v1.py'
model = dict(roi_head=dict(mask_head=dict(predictor_cfg=dict(type='NormedConv2d'))))
