"""ECMLoss (Cho and Krähenbühl, ECCV 2022)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.checks import number
from longtail_det.functional.kernels import ecm_kernel
from longtail_det.functional.losses import ecm_tables
from longtail_det.statistics import ClassStatistics

from .class_tables import NeedsClassStatistics, OptionalStatistics
from .objectness_loss import ObjectnessLoss


class ECMLoss(NeedsClassStatistics, ObjectnessLoss):
    """Effective class-margin loss (Cho and Krähenbühl, ECCV 2022); it has no hyper-parameter.

    A weighted binary cross entropy over C + 1 columns whose margins and weights follow from a bound on the mean
    average precision. Scores at test are sigmoids of x, class columns times (1 - background). The authors' code
    ignores `weight` and `avg_factor`; here they work as in every loss, and mmdet's heads pass the values that make
    no difference.

    Args:
        num_classes: foreground classes C.
        fg_bg_ratio: background samples for each foreground sample; the default is the authors'.
        class_statistics: counts of the training set (mapping, path or object); by default `ClassStatisticsHook`
            brings them. Image counts are used; a class without images counts as one.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: a ratio that is not positive, or statistics of another number of classes.
        RuntimeError: used without class statistics.
    """

    margin: Tensor
    column_weight: Tensor

    def __init__(
        self,
        num_classes: int,
        fg_bg_ratio: float = 6.3313,
        class_statistics: OptionalStatistics = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.fg_bg_ratio = number('fg_bg_ratio', fg_bg_ratio, above=0)
        self.register_buffer('margin', torch.zeros(num_classes + 1))
        self.register_buffer('column_weight', torch.ones(num_classes + 1))
        self.init_statistics(class_statistics)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store margins and weights."""
        margin, weight = ecm_tables(torch.tensor(stats.image_count), fg_bg_ratio=self.fg_bg_ratio)
        self.margin.copy_(margin)
        self.column_weight.copy_(weight)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits."""
        self.require_table()
        return ecm_kernel(logits, labels, self.margin, self.column_weight)
