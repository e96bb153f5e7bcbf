"""Models of ours; importing this registers them, and losses and calibrations of the core, in mmdet's MODELS."""

from longtail_det import compat

compat.install()  # first: without compiled mmcv, mmdet can only be imported with our ops in place

from mmdet.models import losses as _mmdet_losses  # noqa: E402, F401  mmdet's SeesawLoss is registered before ours
from mmdet.registry import MODELS  # noqa: E402

from longtail_det import calibration, losses  # noqa: E402

from .bbox_heads import (  # noqa: E402
    IterativeBBoxHead,
    LOCEBBoxHead,
    LongTail4Conv1FCBBoxHead,
    LongTailBBoxHead,
    RIOBBoxHead,
)
from .layers import CosineLinear, LWSLinear  # noqa: E402
from .mask_heads import EncodedMasks, LabelFCNMaskHead, LabelHTCMaskHead  # noqa: E402
from .memory import FeatureBank  # noqa: E402
from .roi_heads import LOCERoIHead  # noqa: E402

for loss in (*losses.ROI_LOSSES, *losses.DENSE_LOSSES):
    # a strict superset takes the place of mmdet's class of the same name
    MODELS.register_module(module=loss, force=loss is losses.SeesawLoss)

for method in calibration.CALIBRATIONS:
    MODELS.register_module(module=method)

__all__ = [
    'CosineLinear',
    'EncodedMasks',
    'FeatureBank',
    'IterativeBBoxHead',
    'LOCEBBoxHead',
    'LOCERoIHead',
    'LWSLinear',
    'LabelFCNMaskHead',
    'LabelHTCMaskHead',
    'LongTail4Conv1FCBBoxHead',
    'LongTailBBoxHead',
    'RIOBBoxHead',
]
