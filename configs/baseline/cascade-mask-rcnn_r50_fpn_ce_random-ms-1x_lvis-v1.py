"""Softmax baseline of the Cascade R50 methods, 1x."""

_base_ = [
    '../_base_/models/cascade-mask-rcnn_r50_fpn.py',
    '../_base_/datasets/lvis-v1_instance.py',
    '../_base_/schedules/schedule_1x.py',
    '../_base_/default_runtime.py',
]
model = dict(
    roi_head=dict(
        bbox_head=[dict(stage, num_classes=_base_.num_classes) for stage in _base_.model.roi_head.bbox_head],
        mask_head=dict(num_classes=_base_.num_classes),
    )
)
