"""EBL, the equilibrium loss of LOCE (Feng et al., ICCV 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from longtail_det.checks import number, probability
from longtail_det.functional.kernels import ebl_kernel, selects_rows
from longtail_det.functional.losses import ebl_update, mean_of_objects, own_scores

from .base import AvgFactor
from .softmax_loss import SoftmaxLoss
from .statistics_sync import SyncedStatistics


class EBL(SyncedStatistics, SoftmaxLoss):
    """Equilibrium loss (LOCE, Feng et al., ICCV 2021): margins from the mean score of each class.

    Softmax cross entropy of x + ln s. The score u of a ground-truth object is the mean softmax score of its class over
    the object's RoIs, and a class with k objects in the batch moves by s <- momentum^k s + (1 - momentum^k) mean(u),
    before the loss is computed. Background keeps `bg_score`. Scores at test are a plain softmax.

    `LongTailBBoxHead` tells the loss the object of each RoI (`takes_object_ids`). Other heads do not: all RoIs of a
    class then count as one object. On several ranks `StatisticsSyncHook` sums objects and scores after the
    iteration; within it each rank adds its own batch to the common state.

    Args:
        num_classes: foreground classes C.
        momentum: of the mean score, for each object.
        init_score: mean score a class starts with.
        bg_score: score of background, which does not change.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: a value out of range.
    """

    #: our box heads pass `object_ids`
    takes_object_ids = True
    mean_score: Tensor

    def __init__(
        self,
        num_classes: int,
        momentum: float = 0.9,
        init_score: float = 0.01,
        bg_score: float = 0.01,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.momentum = probability('momentum', momentum)
        self.init_score = number('init_score', init_score, above=0, high=1)
        self.bg_score = number('bg_score', bg_score, above=0, high=1)
        self.register_buffer('mean_score', F.pad(torch.full((num_classes,), init_score), (0, 1), value=bg_score))
        self.init_pending(3 * num_classes)

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: AvgFactor = None,
        reduction_override: str | None = None,
        object_ids: Tensor | None = None,
    ) -> Tensor | dict[str, Tensor]:
        """Return the reduced loss; in training mode move the mean scores first.

        Args:
            cls_score: (N, C + 1) logits, any float dtype; half precision is computed in float32.
            label: (N,) int64 in [0, C], C = background.
            weight: (N,) factor per RoI.
            avg_factor: what 'mean' divides by; by default the number of RoIs.
            reduction_override: takes the place of `reduction` for this call.
            object_ids: (N,) int64, ground-truth object of each foreground RoI, anything for background; None: all
                RoIs of a class count as one object.

        Returns:
            A scalar, or (N,) for reduction 'none'.
        """
        if self.training:
            self._count(self.check_logits(cls_score), label, object_ids)
        return super().forward(cls_score, label, weight, avg_factor, reduction_override)

    @torch.no_grad()
    def _count(self, logits: Tensor, labels: Tensor, object_ids: Tensor | None) -> None:
        if selects_rows(logits):
            rows = (labels < self.num_classes).nonzero().squeeze(1)
            logits, labels = logits.index_select(0, rows), labels[rows]
            object_ids = None if object_ids is None else object_ids[rows]
        scores = own_scores(logits, labels).to(self.mean_score)
        if object_ids is not None:
            scores, labels = mean_of_objects(scores, labels, object_ids, num_classes=self.num_classes)
        values = scores.new_zeros(3, self.num_classes + 1)  # the last column is of background
        values[1:].index_add_(1, labels, torch.stack([torch.ones_like(scores), scores]))
        if object_ids is not None:
            values[0] = values[1]
        self.add_statistics(values[:, :-1].flatten())

    def _updated(self, values: Tensor) -> Tensor:
        """Return (C,) mean scores after (3 C,) objects, divisors and sums of scores, zero objects counting as one."""
        objects, weight, total = values.chunk(3)
        objects = torch.maximum(objects, (weight > 0).to(objects))
        return ebl_update(self.mean_score[:-1], objects, weight, total, momentum=self.momentum)

    def apply_statistics(self, values: Tensor) -> None:
        """Move the mean scores by (3 C,) objects, divisors and sums of scores."""
        self.mean_score[:-1] = self._updated(values)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits."""
        mean_score = self.mean_score
        if self.training and self.statistics_deferred:
            mean_score = torch.cat([self._updated(self.pending_statistics()), mean_score[-1:]])
        return ebl_kernel(logits, labels, mean_score)

    def extra_repr(self) -> str:
        """Return the arguments for `print(model)`."""
        return f'{super().extra_repr()}, momentum={self.momentum}'
