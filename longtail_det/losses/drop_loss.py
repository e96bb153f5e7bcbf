"""DropLoss (Hsieh et al., AAAI 2021)."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from longtail_det.functional.kernels import drop_kernel, row_blocks
from longtail_det.functional.losses import drop_rate_mu, dropped_terms, tail_counts

from .class_tables import OptionalStatistics
from .statistics_sync import SyncedStatistics
from .tail_loss import TailLoss


class DropLoss(SyncedStatistics, TailLoss):
    """DropLoss (Hsieh et al., AAAI 2021, arXiv:2104.06402): background RoIs spare tail classes at random.

    Not CutLER's loss of the same name, which drops regions that overlap no pseudo mask.

    On foreground RoIs it is EQL. On a background RoI, how does it match equation 6 of the paper? There
    w ~ Bernoulli(mu) for the classes with f < lambda_ and w = 1 for the others: the term of each such class is kept
    with probability mu and dropped otherwise, one draw for each (RoI, class); mu is the share of this batch's
    foreground RoIs whose class has f < lambda_. Frequent classes are always kept. Without a foreground RoI nothing
    is dropped (the released code compares with NaN there, with the same effect).

    What lambda_ means as an image count: see `EQL`. The authors start the classifier at a prior of 1e-3
    (`LongTailBBoxHead(prior_prob=1e-3)`). Arguments of the released code that do nothing are not ported.

    Args:
        num_classes: foreground classes C; the arguments but `sync_mu` are those of `EQL`.
        sync_mu: False: mu of this rank's batch, as released. True: mu of all ranks in the iteration before
            (this rank's own in the first one), by `StatisticsSyncHook`.

    Raises:
        ValueError: both thresholds or none, or one out of range.
        RuntimeError: used without class statistics; or `sync_mu` on several ranks without `StatisticsSyncHook`.
    """

    last_counts: Tensor

    def __init__(
        self,
        num_classes: int,
        lambda_: float | None = None,
        activation: str = 'sigmoid',
        class_statistics: OptionalStatistics = None,
        sync_mu: bool = False,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
        lambda_instances: float | None = None,
    ) -> None:
        super().__init__(num_classes, lambda_, activation, class_statistics, reduction, loss_weight, lambda_instances)
        self.sync_mu = sync_mu
        self.init_pending(2 if sync_mu else 0)
        if sync_mu:
            # foreground RoIs of a tail class, and all of them, over the ranks in the last iteration
            self.register_buffer('last_counts', torch.zeros(2))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C) logits."""
        self.require_table()
        return drop_kernel(logits, labels, self._draw(logits, labels), activation=self.activation)

    def _draw(self, logits: Tensor, labels: Tensor) -> Tensor:
        mu = self._mu(labels)
        dropped = torch.empty_like(logits, dtype=torch.bool)
        for rows in row_blocks(logits):  # the numbers drawn stay in the cache
            dropped[rows] = dropped_terms(labels[rows], self.is_tail, mu, torch.rand_like(logits[rows]))
        return dropped

    def _mu(self, labels: Tensor) -> Tensor:
        tail, foreground = tail_counts(labels, self.is_tail)
        own = drop_rate_mu(tail, foreground)
        if not self.sync_mu:
            return own
        if not self.statistics_deferred:
            if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
                raise RuntimeError(
                    'DropLoss(sync_mu=True) on several ranks needs dict(type="StatisticsSyncHook") in custom_hooks'
                )
            return own
        if self.training:
            self.add_statistics(torch.stack([tail, foreground]))
        return torch.where(self.last_counts[1] > 0, drop_rate_mu(*self.last_counts), own)

    def apply_statistics(self, values: Tensor) -> None:
        """Keep the (2,) counts of the last iteration; they replace those before."""
        self.last_counts.copy_(values)
