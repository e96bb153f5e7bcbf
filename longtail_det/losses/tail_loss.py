"""What EQL and DropLoss share: a tail of classes below a threshold, and the choice of activation."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from longtail_det.checks import number, probability
from longtail_det.statistics import ClassStatistics

from .activation_loss import ActivationLoss, find_activation
from .class_tables import NeedsClassStatistics, OptionalStatistics


class TailLoss(NeedsClassStatistics, ActivationLoss):
    """Base of the losses that shield the classes of the tail (no background logit).

    Args:
        num_classes: foreground classes C.
        lambda_: the tail is f < lambda_, with f = image_count / annotated training images; an image count in disguise.
        activation: 'sigmoid' or 'gumbel'.
        class_statistics: counts of the training set; by default `ClassStatisticsHook` brings them.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.
        lambda_instances: instead of lambda_, the tail is instance_count < lambda_instances.

    Raises:
        ValueError: both thresholds or none, lambda_ outside [0, 1], a negative lambda_instances, or another activation.
    """

    extra_channels = 0
    is_tail: Tensor

    def __init__(
        self,
        num_classes: int,
        lambda_: float | None = None,
        activation: str = 'sigmoid',
        class_statistics: OptionalStatistics = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
        lambda_instances: float | None = None,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self._check(lambda_, lambda_instances)
        self.lambda_ = lambda_
        self.lambda_instances = lambda_instances
        self.activation = find_activation(activation)
        self.register_buffer('is_tail', torch.zeros(num_classes, dtype=torch.bool))
        self.init_statistics(class_statistics)

    def _check(self, lambda_: float | None, lambda_instances: float | None) -> None:
        if (lambda_ is None) == (lambda_instances is None):
            raise ValueError(
                f'{type(self).__name__}: lambda_={lambda_}, lambda_instances={lambda_instances}; give one of them, the '
                'share of the training images or the number of training instances below which a class is tail'
            )
        if lambda_ is not None:
            probability('lambda_', lambda_)
        if lambda_instances is not None:
            number('lambda_instances', lambda_instances, 0)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store which classes are tail, and log how many: the number that can be compared between datasets."""
        if self.lambda_instances is not None:
            is_tail, counts = stats.instance_count < self.lambda_instances, stats.instance_count
            unit = 'training instances'
        else:
            assert self.lambda_ is not None
            is_tail, counts = stats.image_frequency < self.lambda_, stats.image_count
            unit = f'of {stats.num_images} annotated training images'
        self.is_tail.copy_(torch.from_numpy(is_tail))
        taken = '/'.join(str(int(is_tail[members].sum())) for members in stats.groups.values())
        largest = int(counts[is_tail].max()) if is_tail.any() else 0
        logging.getLogger(__name__).info(
            f'{type(self).__name__}: {self._threshold()} takes {int(is_tail.sum())} of {self.num_classes} classes '
            f'(r/c/f {taken}), those with at most {largest} {unit}'
        )

    def _threshold(self) -> str:
        if self.lambda_instances is None:
            return f'lambda_={self.lambda_}'
        return f'lambda_instances={self.lambda_instances}'

    def extra_repr(self) -> str:
        """Return the arguments for `print(model)`."""
        return f'{super().extra_repr()}, {self._threshold()}, activation={self.activation}'
