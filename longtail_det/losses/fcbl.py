"""FCBL, the foreground classification balance loss of BACL (Qi et al., 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.checks import number
from longtail_det.functional.kernels import fcbl_kernel, selects_rows
from longtail_det.functional.losses import fcbl_loss, fcbl_margin

from .objectness_loss import ObjectnessLoss
from .synced_rows import SyncedRows


class FCBL(SyncedRows, ObjectnessLoss):
    """Foreground classification balance loss (BACL, Qi et al., 2023).

    C + 1 sigmoids, the last the objectness of background. On a RoI of class y, class j gets the margin
    alpha ln(c_yj / c_jy), where c_yj is the mean score (softmax over the classes) that RoIs of class y have given to
    class j so far; and only negatives count that score at least as high as the label, or `prob_thr`. Scores at test
    are sigmoids times (1 - background). The table moves after the loss of a step; with `StatisticsSyncHook` it is that
    of all ranks. The authors start at `prior_prob=1e-3`.

    Args:
        num_classes: foreground classes C, at most 4096.
        alpha: strength of the margin.
        prob_thr: score from which on a negative counts.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: a threshold out of range, or too many classes for a table of C x C.
    """

    confusion_sum: Tensor
    class_count: Tensor

    def __init__(
        self,
        num_classes: int,
        alpha: float = 0.85,
        prob_thr: float = 0.7,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.alpha = number('alpha', alpha, 0)
        self.prob_thr = number('prob_thr', prob_thr, above=0, high=1)
        self.init_rows(num_classes)
        self.register_buffer('confusion_sum', torch.zeros(num_classes, num_classes))
        self.register_buffer('class_count', torch.zeros(num_classes))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits; in training mode then count the scores."""
        if selects_rows(logits):
            classes, index = labels.unique(return_inverse=True)
            margin = self._margin(classes[classes < self.num_classes])
            loss = fcbl_kernel(logits, labels, index, margin, prob_thr=self.prob_thr)
        else:
            foreground = (labels < self.num_classes)[:, None]
            margin = torch.where(foreground, self._margin(labels.clamp(max=self.num_classes - 1)), 0.0)
            loss = fcbl_loss(logits, labels, margin, prob_thr=self.prob_thr).sum(1)
        if self.training:
            rows = (labels < self.num_classes).nonzero().squeeze(1) if selects_rows(logits) else slice(None)
            self.add_rows(labels[rows], logits.detach()[rows, :-1].softmax(1))
        return loss

    def _margin(self, classes: Tensor) -> Tensor:
        """Return (P, C) margins of RoIs of (P,) classes."""
        count = self.class_count.clamp(min=1)
        confusion_of = self.confusion_sum.index_select(0, classes) / count[classes, None]
        confusion_with = self.confusion_sum.index_select(1, classes).t() / count
        return fcbl_margin(confusion_of, confusion_with, alpha=self.alpha)

    def apply_rows(self, classes: Tensor, counts: Tensor, sums: Tensor) -> None:
        """Add (P,) counts and (P, C) sums of scores to the table."""
        self.confusion_sum.index_add_(0, classes, sums)
        self.class_count.index_add_(0, classes, counts)
