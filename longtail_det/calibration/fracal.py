"""FRACAL (Alexandridis et al., CVPR 2025)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.checks import number
from longtail_det.functional.calibration import fracal
from longtail_det.losses import OptionalStatistics
from longtail_det.statistics import ClassStatistics

from .base import CountCalibration
from .file_statistics import require_file_statistics


class FRACAL(CountCalibration):
    """FRACAL: shift logits by the image frequency, divide scores by the fractal dimension of the class's positions.

    Rare classes gain by the first, classes that appear everywhere in the image lose by the second
    (Alexandridis et al., CVPR 2025).

    Args:
        num_classes: foreground classes C.
        strength: exponent of the fractal dimension; 0 leaves the frequency part.
        class_statistics: of an annotation file: its path, or the json that `longtail-det class-statistics` writes.
    """

    strength_name = 'strength'
    strengths = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
    needs_annotation_file = True
    image_count: Tensor
    total_images: Tensor
    fractal_dim: Tensor

    def __init__(self, num_classes: int, strength: float = 2.0, class_statistics: OptionalStatistics = None) -> None:
        super().__init__(num_classes, class_statistics)
        self.strength = number('strength', strength, 0)

    def register_tables(self) -> None:
        """Register image counts, the number of all images, and fractal dimensions."""
        self.register_buffer('image_count', torch.zeros(self.num_classes, dtype=torch.long))
        self.register_buffer('total_images', torch.zeros((), dtype=torch.long))
        self.register_buffer('fractal_dim', torch.ones(self.num_classes, dtype=torch.float64))

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store image counts, the number of all images, and fractal dimensions."""
        total_images, fractal_dim = require_file_statistics(stats, 'FRACAL')
        self.image_count.copy_(torch.tensor(stats.image_count))
        self.total_images.fill_(total_images)
        self.fractal_dim.copy_(torch.tensor(fractal_dim))

    def class_scores(self, logits: Tensor, softmax: bool) -> Tensor:
        """Return scores of (N, C + 1) logits of a softmax or (N, C) log odds, in the same shape."""
        tables = (self.image_count, self.total_images, self.fractal_dim)
        return fracal(logits, *tables, strength=self.strength, sigmoid=not softmax)
