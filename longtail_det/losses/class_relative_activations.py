"""ClassRelativeActivations, of the GOL repository."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from longtail_det.checks import whole
from longtail_det.functional.kernels import class_relative_kernel
from longtail_det.functional.losses import class_relative_activation
from longtail_det.statistics import COMMON_MAX_IMAGES, ClassStatistics

from .base import RoIClassificationLoss
from .class_tables import NeedsClassStatistics, OptionalStatistics


class ClassRelativeActivations(NeedsClassStatistics, RoIClassificationLoss):
    """Normal CDF for frequent classes, Gumbel CDF for all others and for background (code of arXiv:2207.10936).

    In the authors' repository the class is imported nowhere, so their config of it cannot be built; this follows
    its source. In training the logits are clamped to [-5, 5] for the normal and [-4, 10] for the Gumbel columns,
    at test not at all.

    Args:
        num_classes: foreground classes C.
        max_images: classes with more training images than this use the normal CDF.
        class_statistics: counts of the training set (mapping, path or object); by default `ClassStatisticsHook`
            brings them. The choice of columns is saved with the weights.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        RuntimeError: used without class statistics.
        ValueError: statistics of another number of classes.
    """

    is_frequent: Tensor

    def __init__(
        self,
        num_classes: int,
        max_images: int = COMMON_MAX_IMAGES,
        class_statistics: OptionalStatistics = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.max_images = whole('max_images', max_images, 0)
        self.register_buffer('is_frequent', torch.zeros(num_classes, dtype=torch.bool))
        self.init_statistics(class_statistics)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store which columns take the normal CDF."""
        self.is_frequent.copy_(torch.from_numpy(stats.image_count > self.max_images))
        logging.getLogger(__name__).info(
            f'ClassRelativeActivations: {int(self.is_frequent.sum())} of {self.num_classes} classes have more than '
            f'{self.max_images} training images and use the normal CDF'
        )

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits."""
        self.require_table()
        return class_relative_kernel(logits, labels, self.is_frequent)

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return (N, C + 1) probabilities of (N, C + 1) logits."""
        self.require_table()
        return class_relative_activation(self.is_frequent).probability(cls_score)
