"""LogitAdjustedCE (Menon et al., ICLR 2021) and Balanced Softmax (Ren et al., NeurIPS 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.checks import number, one_of
from longtail_det.functional.kernels import logit_adjusted_kernel
from longtail_det.functional.losses import log_share
from longtail_det.statistics import ClassStatistics

from .class_tables import NeedsClassStatistics, OptionalStatistics
from .softmax_loss import SoftmaxLoss

COUNTS = ('image', 'instance')


class LogitAdjustedCE(NeedsClassStatistics, SoftmaxLoss):
    """Logit-adjusted cross entropy (Menon et al., ICLR 2021): softmax of x + tau ln(share).

    The share of a class is its part of all counts; background is not adjusted. Scores at test are a plain softmax.
    With `tau=1` and `count='instance'` it is Balanced Softmax (Ren et al., NeurIPS 2020).

    Args:
        num_classes: foreground classes C.
        tau: strength of the adjustment, 0 switches it off.
        count: 'image' or 'instance', what is counted.
        class_statistics: counts of the training set (mapping, path or object); by default `ClassStatisticsHook`
            brings them. A class without any counts as 1.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: another `count`, or statistics of another number of classes.
        RuntimeError: used without class statistics.
    """

    log_prior: Tensor

    def __init__(
        self,
        num_classes: int,
        tau: float = 1.0,
        count: str = 'image',
        class_statistics: OptionalStatistics = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.tau = number('tau', tau)
        self.count = one_of('count', count, COUNTS)
        self.register_buffer('log_prior', torch.zeros(num_classes + 1))
        self.init_statistics(class_statistics)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store tau times the log shares."""
        count = stats.image_count if self.count == 'image' else stats.instance_count
        self.log_prior.copy_(self.tau * log_share(torch.tensor(count)))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits."""
        self.require_table()
        return logit_adjusted_kernel(logits, labels, self.log_prior)

    def extra_repr(self) -> str:
        """Return the arguments for `print(model)`."""
        return f'{super().extra_repr()}, tau={self.tau}, count={self.count!r}'
