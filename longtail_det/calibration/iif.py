"""IIF (Alexandridis et al., IEEE TIP 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.functional.calibration import iif
from longtail_det.statistics import ClassStatistics

from .base import CountCalibration
from .file_statistics import require_file_statistics


class IIF(CountCalibration):
    """Inverse image frequency: multiply the logits by ln(N / n_j), background by 1 (Alexandridis et al., 2022).

    Args:
        num_classes: foreground classes C.
        class_statistics: of an annotation file: its path, or the json that `longtail-det class-statistics` writes.
    """

    needs_annotation_file = True
    image_count: Tensor
    total_images: Tensor

    def register_tables(self) -> None:
        """Register image counts and the number of all images."""
        self.register_buffer('image_count', torch.zeros(self.num_classes, dtype=torch.long))
        self.register_buffer('total_images', torch.zeros((), dtype=torch.long))

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store image counts and the number of all images."""
        total_images, _ = require_file_statistics(stats, 'IIF')
        self.image_count.copy_(torch.tensor(stats.image_count))
        self.total_images.fill_(total_images)

    def class_scores(self, logits: Tensor, softmax: bool) -> Tensor:
        """Return scores of (N, C + 1) logits of a softmax or (N, C) log odds, in the same shape."""
        return iif(logits, self.image_count, self.total_images, sigmoid=not softmax)
