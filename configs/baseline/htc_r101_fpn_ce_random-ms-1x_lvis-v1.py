"""Softmax baseline, no semantic branch: GOL activations/htc_r101_4x4_1x_softmax (and gumbel_htc_r101_4x4_1x,
a softmax despite its name)."""

_base_ = [
    '../_base_/models/htc_r101_fpn.py',
    '../_base_/datasets/lvis-v1_instance.py',
    '../_base_/schedules/schedule_1x.py',
    '../_base_/default_runtime.py',
]
model = dict(
    roi_head=dict(
        bbox_head=[dict(stage, num_classes=_base_.num_classes) for stage in _base_.model.roi_head.bbox_head],
        mask_head=[dict(stage, num_classes=_base_.num_classes) for stage in _base_.model.roi_head.mask_head],
    )
)
