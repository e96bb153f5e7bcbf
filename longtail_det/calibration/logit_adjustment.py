"""Post-hoc logit adjustment (Menon et al., ICLR 2021)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.checks import number, one_of
from longtail_det.functional.calibration import logit_adjustment
from longtail_det.losses import OptionalStatistics
from longtail_det.statistics import ClassStatistics

from .base import CountCalibration


class LogitAdjustment(CountCalibration):
    """Post-hoc logit adjustment: subtract tau ln(share of class j) (Menon et al., ICLR 2021).

    On a softmax it is NorCal with another constant in all class columns, so it also moves classes against background.

    Args:
        num_classes: foreground classes C.
        tau: strength; 0 changes nothing.
        count: shares of 'image' or 'instance' counts.
        class_statistics: counts of the training set (mapping, path or object).

    Raises:
        ValueError: another `count`.
    """

    strength_name = 'tau'
    strengths = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    class_count: Tensor

    def __init__(
        self,
        num_classes: int,
        tau: float = 1.0,
        count: str = 'image',
        class_statistics: OptionalStatistics = None,
    ) -> None:
        self.count = one_of('count', count, ('image', 'instance'))
        super().__init__(num_classes, class_statistics)
        self.tau = number('tau', tau)

    def register_tables(self) -> None:
        """Register the counts."""
        self.register_buffer('class_count', torch.zeros(self.num_classes, dtype=torch.long))

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store the counts asked for."""
        counts = stats.image_count if self.count == 'image' else stats.instance_count
        self.class_count.copy_(torch.tensor(counts))

    def class_scores(self, logits: Tensor, softmax: bool) -> Tensor:
        """Return scores of (N, C + 1) logits of a softmax or (N, C) log odds, in the same shape."""
        adjusted = logit_adjustment(logits, self.class_count, self.tau)
        return adjusted.softmax(dim=-1) if softmax else adjusted.sigmoid()
