"""The numbers of the LVIS evaluation (Gupta et al., LVIS, CVPR 2019), as lvis-api 0.5.3 has them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)
#: square pixels, both ends included
AREA_RANGES = {'all': (0.0, 1e10), 'small': (0.0, 32.0**2), 'medium': (32.0**2, 96.0**2), 'large': (96.0**2, 1e10)}
AREA_LIMITS = np.array(list(AREA_RANGES.values()))
#: detections of an image that count, over all classes
MAX_DETS = 300
#: detections of a class that count over the dataset, where there is no limit per image
MAX_CLASS_DETS = 10_000
METRICS = ('bbox', 'segm', 'boundary')
MODES = ('default', 'fixed', 'pool')


def needs_masks(metrics: Iterable[str]) -> bool:
    """Return whether any of these `metrics` is scored by masks."""
    return not {'segm', 'boundary'}.isdisjoint(metrics)
