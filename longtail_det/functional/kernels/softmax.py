"""Softmax cross entropies with their gradients: of shifted logits, of soft targets, and of groups of columns."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import losses as definitions
from .fused import fused_loss, is_compiling, selects_rows


class SoftmaxKernel:
    """Cross entropy of logits, to which a row may be added, against the label and a soft target.

    Args:
        labels: (N,) int64 in [0, K).
        dtype: of the logits.
        shift: (K,) added to the logits; None is 0.
        soft: (P, K) soft targets times their share; None where there are none.
        index: (N,) int64, row of `soft` of each RoI, and P where it has none.
        hard: (N,) share of the label; None is 1.
    """

    def __init__(
        self,
        labels: Tensor,
        dtype: torch.dtype,
        *,
        shift: Tensor | None = None,
        soft: Tensor | None = None,
        index: Tensor | None = None,
        hard: Tensor | None = None,
    ) -> None:
        self.columns = labels[:, None]
        self.shift = shift
        self.soft = soft
        self.index = index
        #: (N, 1) minus the share of the label
        self.hard = torch.full_like(self.columns, -1, dtype=dtype) if hard is None else -hard[:, None]

    def value(self, x: Tensor, rows: slice) -> Tensor:
        """Return (n,) losses."""
        return self.both(x, rows, torch.empty_like(x))

    def both(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        """Return (n,) losses; the (n, K) derivatives are written into `gradient`."""
        z = x if self.shift is None else x + self.shift
        columns, hard = self.columns[rows], self.hard[rows]
        loss = _softmax(z, gradient).add_(z.gather(1, columns).mul_(hard)[:, 0])
        gradient.scatter_add_(1, columns, hard)
        if self.soft is None or self.index is None:
            return loss
        index = self.index[rows]
        members = (index < len(self.soft)).nonzero().squeeze(1)
        soft = self.soft.index_select(0, index[members])
        gradient.index_add_(0, members, soft, alpha=-1)
        return loss.index_add_(0, members, torch.linalg.vecdot(soft, z.index_select(0, members)), alpha=-1)


def _softmax(x: Tensor, scores: Tensor) -> Tensor:
    """Return (n,) log sum exp; the softmax is written into `scores`.

    It is the largest logit less the log of its score, which is never small.
    """
    torch.softmax(x, dim=1, out=scores)
    return x.amax(1).sub_(scores.amax(1).log_())


def logit_adjusted_kernel(logits: Tensor, labels: Tensor, log_prior: Tensor) -> Tensor:
    """Return (N,) losses of `logit_adjusted_loss`; `logits` (N, C + 1), `labels` (N,), `log_prior` (C + 1,)."""
    if is_compiling():
        return definitions.logit_adjusted_loss(logits, labels, log_prior)
    kernel = SoftmaxKernel(labels, logits.dtype, shift=log_prior.to(logits))
    return fused_loss(logits, kernel, lambda x: definitions.logit_adjusted_loss(x, labels, log_prior))


def ebl_kernel(logits: Tensor, labels: Tensor, mean_score: Tensor) -> Tensor:
    """Return (N,) losses of `ebl_loss`; `logits` (N, C + 1), `labels` (N,), `mean_score` (C + 1,) in (0, 1]."""
    return logit_adjusted_kernel(logits, labels, mean_score.to(logits).log())


def pcb_softmax_kernel(logits: Tensor, labels: Tensor, index: Tensor, soft: Tensor, share: Tensor) -> Tensor:
    """Return (N,) losses of `pcb_softmax_loss` from the soft targets of the classes of the batch.

    Args:
        logits: (N, C + 1).
        labels: (N,) int64 in [0, C].
        index: (N,) int64, row of `soft` of each RoI, P for background.
        soft: (P, C) of `pcb_soft_target`.
        share: scalar in [0, 1].
    """
    soft, share = soft.to(logits), share.to(logits)

    def definition(x: Tensor) -> Tensor:
        return definitions.pcb_softmax_loss(x, labels, F.pad(soft, (0, 0, 0, 1))[index], share)

    if is_compiling():
        return definition(logits)
    foreground = labels < logits.size(1) - 1
    negative_entropy = F.pad((soft.clamp(min=torch.finfo(soft.dtype).tiny).log_() * soft).sum(1), (0, 1))
    constant = share * negative_entropy[index]
    hard = 1 - share * foreground
    kernel = SoftmaxKernel(labels, logits.dtype, soft=F.pad(share * soft, (0, 1)), index=index, hard=hard)
    return fused_loss(logits, kernel, lambda x: definition(x) - constant) + constant


#: sum of the scores of a group from which on they are those of the group, divided by the sum, to the last digits
_LEAST_SUM = 1e-20


class GroupKernel:
    """Weighted sum of softmax cross entropies of groups of neighboring columns, from one softmax of all columns.

    Args:
        targets: (N, G) int64, the label inside each group.
        weight: (N, G).
        sizes: columns of each group.
    """

    def __init__(self, targets: Tensor, weight: Tensor, sizes: Sequence[int]) -> None:
        size = torch.tensor(sizes, device=targets.device)
        self.columns = targets + (size.cumsum(0) - size)
        self.weight = weight
        self.sizes = list(sizes)

    def value(self, x: Tensor, rows: slice) -> Tensor:
        """Return (n,) losses."""
        return self.both(x, rows, torch.empty_like(x))

    def both(self, x: Tensor, rows: slice, gradient: Tensor) -> Tensor:
        """Return (n,) losses; the (n, K) derivatives are written into `gradient`."""
        columns, weight = self.columns[rows], self.weight[rows]
        log_sum = _softmax(x, gradient)[:, None]
        sums = torch.stack([part.sum(1) for part in gradient.split(self.sizes, 1)], 1)
        if len(x) and sums.min() < _LEAST_SUM:  # a group far below the others
            parts = x.split(self.sizes, 1)
            torch.cat([part.softmax(1) for part in parts], 1, out=gradient)
            log_sums, factor = torch.stack([part.logsumexp(1) for part in parts], 1), weight
        else:
            log_sums, factor = log_sum + sums.log(), weight / sums
        for out, each in zip(gradient.split(self.sizes, 1), factor.split(1, 1), strict=True):
            out.mul_(each)
        gradient.scatter_add_(1, columns, -weight)
        return log_sums.sub_(x.gather(1, columns)).mul_(weight).sum(1)


def group_softmax_kernel(logits: Tensor, targets: Tensor, weight: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return (N,) losses of `group_softmax_loss`.

    Args:
        logits: (N, K).
        targets: (N, G) int64.
        weight: (N, G) of `group_weights`.
        sizes: columns of each group.
    """
    if not selects_rows(logits):  # the kernel asks for the least sum
        return definitions.group_softmax_loss(logits, targets, weight, sizes)
    kernel = GroupKernel(targets, weight.to(logits), sizes)
    return fused_loss(logits, kernel, lambda x: definitions.group_softmax_loss(x, targets, weight, sizes))
