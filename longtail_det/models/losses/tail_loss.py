"""What EQL and DropLoss share: a tail of classes below an image frequency, and the choice of activation."""

from __future__ import annotations

import torch
from mmengine.logging import print_log
from torch import Tensor

from ...statistics import ClassStatistics
from .class_statistics_mixin import NeedsClassStatistics, StatisticsSource
from .link_loss import LinkLoss, activation_link


class TailLoss(NeedsClassStatistics, LinkLoss):
    """Base of the losses that shield classes with image frequency f < lambda_ (no background logit).

    Args:
        num_classes: foreground classes C.
        lambda_: threshold on f = image_count / annotated training images; an image count in disguise.
        activation: 'sigmoid' or 'gumbel'.
        class_statistics: counts of the training set; by default `ClassStatisticsHook` brings them.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: lambda_ outside [0, 1], or another activation.
    """

    extra_channels = 0
    is_tail: Tensor

    def __init__(
        self,
        num_classes: int,
        lambda_: float,
        activation: str = 'sigmoid',
        class_statistics: StatisticsSource = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        if not 0 <= lambda_ <= 1:
            raise ValueError(f'lambda_={lambda_}; expected a share of the training images in [0, 1], such as 1.1e-3')
        self.lambda_ = lambda_
        self.activation = activation
        self.link = activation_link(activation)
        self.register_buffer('is_tail', torch.zeros(num_classes, dtype=torch.bool))
        self.init_statistics(class_statistics)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Find the tail, and log how many classes lambda_ takes: the number that can be compared between data sets."""
        is_tail = stats.image_frequency < self.lambda_
        self.is_tail.copy_(torch.from_numpy(is_tail))
        taken = '/'.join(str(int(is_tail[members].sum())) for members in stats.groups.values())
        largest = int(stats.image_count[is_tail].max()) if is_tail.any() else 0
        print_log(
            f'{type(self).__name__}: lambda_={self.lambda_} takes {int(is_tail.sum())} of {self.num_classes} classes '
            f'(r/c/f {taken}), those with at most {largest} of {stats.num_images} annotated training images',
            logger='current',
        )

    def extra_repr(self) -> str:
        """Arguments for `print(model)`."""
        return f'{super().extra_repr()}, lambda_={self.lambda_}, activation={self.activation!r}'
