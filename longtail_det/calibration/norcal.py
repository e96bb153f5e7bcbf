"""NorCal (Pan et al., NeurIPS 2021)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.checks import number
from longtail_det.functional.calibration import NORCAL_VARIANTS, norcal
from longtail_det.losses import OptionalStatistics
from longtail_det.statistics import ClassStatistics

from .base import CountCalibration


class NorCal(CountCalibration):
    """NorCal: divide the odds of class j by n_j^gamma, n_j its training images (Pan et al., NeurIPS 2021).

    Args:
        num_classes: foreground classes C.
        gamma: strength; 0 changes nothing.
        variant: 'exp', 'probs' or 'logits', see `functional.calibration.norcal`.
        renormalize: divide by the row sum.
        class_statistics: counts of the training set (mapping, path or object).

    Raises:
        ValueError: an unknown variant, or 'logits' without `renormalize`.
    """

    strength_name = 'gamma'
    strengths = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    image_count: Tensor

    def __init__(
        self,
        num_classes: int,
        gamma: float = 0.0,
        variant: str = 'exp',
        renormalize: bool = True,
        class_statistics: OptionalStatistics = None,
    ) -> None:
        super().__init__(num_classes, class_statistics)
        if variant not in NORCAL_VARIANTS or (variant == 'logits' and not renormalize):
            raise ValueError(
                f'NorCal: variant={variant!r}, renormalize={renormalize}; expected one of {NORCAL_VARIANTS}, and '
                "renormalize=True with 'logits'"
            )
        self.gamma = number('gamma', gamma, 0)
        self.variant = variant
        self.renormalize = renormalize

    def register_tables(self) -> None:
        """Register the image counts."""
        self.register_buffer('image_count', torch.zeros(self.num_classes, dtype=torch.long))

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store the image counts."""
        self.image_count.copy_(torch.tensor(stats.image_count))

    def class_scores(self, logits: Tensor, softmax: bool) -> Tensor:
        """Return scores of (N, C + 1) logits of a softmax or (N, C) log odds, in the same shape."""
        return norcal(
            logits,
            self.image_count,
            self.gamma,
            variant=self.variant,
            renormalize=self.renormalize,
            sigmoid=not softmax,
        )
