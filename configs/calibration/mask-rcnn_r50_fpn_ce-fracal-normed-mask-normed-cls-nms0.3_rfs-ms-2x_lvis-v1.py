"""FRACAL (Alexandridis et al., CVPR 2025) at its own thresholds: NMS 0.3, mask 0.4."""

_base_ = './mask-rcnn_r50_fpn_ce-fracal-normed-mask-normed-cls_rfs-ms-2x_lvis-v1.py'
model = dict(test_cfg=dict(rcnn=dict(nms=dict(iou_threshold=0.3), mask_thr_binary=0.4)))
