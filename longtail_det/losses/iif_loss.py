"""IIFLoss (Alexandridis et al., 2022)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.functional.losses import iif_factor, iif_loss
from longtail_det.statistics import ClassStatistics

from .class_tables import NeedsClassStatistics, OptionalStatistics
from .score_parts import ScoreParts
from .softmax_loss import SoftmaxLoss


class IIFLoss(NeedsClassStatistics, SoftmaxLoss):
    """Inverse image frequency (Alexandridis et al., 2022): softmax of w x in training and at test.

    w_j = ln(N / n_j), background 1. N are all images of the training file, those without an annotation too, as in the
    calibration `IIF`; where the statistics of the config do not say (`total_images`), those with one.

    Args:
        num_classes: foreground classes C.
        class_statistics: counts of the training set (mapping, path or object); by default `ClassStatisticsHook`
            brings them. A class without images counts as one image.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: statistics of another number of classes.
        RuntimeError: used without class statistics.
    """

    #: `ClassStatisticsHook` brings the statistics of the whole file
    needs_annotation_file = True
    factor: Tensor

    def __init__(
        self,
        num_classes: int,
        class_statistics: OptionalStatistics = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.register_buffer('factor', torch.ones(num_classes + 1))
        self.init_statistics(class_statistics)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store the factors of the columns."""
        num_images = stats.num_images if stats.total_images is None else stats.total_images
        self.factor.copy_(iif_factor(torch.tensor(stats.image_count), num_images))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits."""
        self.require_table()
        return iif_loss(logits, labels, self.factor)

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return (N, C + 1) softmax scores of w x."""
        self.require_table()
        return super().get_activation(cls_score * self.factor.to(cls_score))

    def score_parts(self, cls_score: Tensor) -> ScoreParts:
        """Return w x, of which the scores are the softmax."""
        self.require_table()
        return super().score_parts(cls_score * self.factor.to(cls_score))
