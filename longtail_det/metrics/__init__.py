"""Metrics of mmengine's evaluator: they collect, write files and name results; `evaluation.lvis` computes."""

from longtail_det import compat

compat.install()  # first: without compiled mmcv, mmdet can only be imported with our ops in place

from .collection import image_detections  # noqa: E402
from .fast_lvis_metric import FastLVISMetric  # noqa: E402
from .lvis_api import evaluate_lvis_api  # noqa: E402
from .lvis_api_metric import LVISAPIMetric  # noqa: E402
from .records import detection_records  # noqa: E402

__all__ = [
    'FastLVISMetric',
    'LVISAPIMetric',
    'detection_records',
    'evaluate_lvis_api',
    'image_detections',
]
