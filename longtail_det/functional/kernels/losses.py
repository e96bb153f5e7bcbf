"""The fast path of each definition: the same arguments, (N,) losses summed over columns."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import losses as definitions
from ..activations import SIGMOID, Activation, Gumbel
from .binary import BinaryKernel, binary_loss
from .fused import fused_loss, is_compiling


def sigmoid_ce_kernel(logits: Tensor, labels: Tensor) -> Tensor:
    """Return (N,) losses of `sigmoid_ce_loss`; `logits` (N, C + 1), `labels` (N,)."""
    return binary_loss(lambda x: definitions.sigmoid_ce_loss(x, labels), logits, labels, SIGMOID)


def gumbel_kernel(logits: Tensor, labels: Tensor, *, logit_clamp: tuple[float, float] | None = (-4.0, 10.0)) -> Tensor:
    """Return (N,) losses of `gumbel_loss`; `logits` (N, C + 1), `labels` (N,), `logit_clamp` a range or None."""
    return binary_loss(
        lambda x: definitions.gumbel_loss(x, labels, logit_clamp=logit_clamp), logits, labels, Gumbel(logit_clamp)
    )


def class_relative_kernel(logits: Tensor, labels: Tensor, is_frequent: Tensor) -> Tensor:
    """Return (N,) losses of `class_relative_loss`; `logits` (N, C + 1), `labels` (N,), `is_frequent` (C,) bool."""
    activation = definitions.class_relative_activation(is_frequent)
    return binary_loss(lambda x: definitions.class_relative_loss(x, labels, is_frequent), logits, labels, activation)


def eql_kernel(logits: Tensor, labels: Tensor, is_tail: Tensor, *, activation: Activation = SIGMOID) -> Tensor:
    """Return (N,) losses of `eql_loss`; `logits` (N, C), `labels` (N,), `is_tail` (C,) bool, any `activation`."""
    not_tail = (~is_tail).to(logits.dtype)
    of_row = torch.stack([torch.ones_like(not_tail), not_tail])  # of background, of foreground
    foreground = (labels < is_tail.numel()).long()
    return binary_loss(
        lambda x: definitions.eql_loss(x, labels, is_tail, activation=activation),
        logits,
        labels,
        activation,
        kept=lambda rows: of_row.index_select(0, foreground[rows]),
        lean=True,  # the published loss is lean, and ours should not need more memory
    )


def drop_kernel(logits: Tensor, labels: Tensor, dropped: Tensor, *, activation: Activation = SIGMOID) -> Tensor:
    """Return (N,) losses of `drop_loss`; `logits` (N, C), `labels` (N,), `dropped` (N, C) bool, any `activation`."""
    return binary_loss(
        lambda x: definitions.drop_loss(x, labels, dropped, activation=activation),
        logits,
        labels,
        activation,
        # seen as bytes: several times faster to convert than bool
        kept=lambda rows: dropped[rows].logical_not().view(torch.uint8).to(logits.dtype),
    )


def acsl_kernel(
    logits: Tensor, labels: Tensor, kept_background: Tensor, group: Tensor, *, score_thr: float = 0.7
) -> Tensor:
    """Return (N,) losses of `acsl_loss`, whose choice of terms is one comparison with a threshold for each term.

    Args:
        logits: (N, C + 1).
        labels: (N,) int64 in [0, C].
        kept_background: (N, G) bool.
        group: (C + 1,) int64 in [0, G).
        score_thr: in (0, 1).
    """
    num_groups = kept_background.size(1)
    bits = 2 ** torch.arange(num_groups, device=labels.device)
    foreground = labels < len(group) - 1
    # rows of the table: which groups keep a background RoI, as a number in binary; the last is of foreground
    kept_by = (torch.arange(2**num_groups, device=labels.device)[:, None] & bits)[:, group] > 0
    threshold = torch.where(kept_by, -math.inf, math.inf).to(logits)
    threshold = torch.cat([threshold, torch.full_like(threshold[:1], math.log(score_thr / (1 - score_thr)))])
    row_of = torch.where(foreground, len(threshold) - 1, (kept_background * bits).sum(1))

    def kept(rows: slice) -> Tensor:
        least = threshold.index_select(0, row_of[rows])
        return torch.ge(logits.detach()[rows], least, out=least)

    return binary_loss(
        lambda x: definitions.acsl_loss(x, labels, kept_background, group, score_thr=score_thr),
        logits,
        labels,
        SIGMOID,
        kept=kept,
    )


def ecm_kernel(logits: Tensor, labels: Tensor, margin: Tensor, column_weight: Tensor) -> Tensor:
    """Return (N,) losses of `ecm_loss`; `logits` (N, C + 1), `labels` (N,), `margin`, `column_weight` (C + 1,)."""
    weight = column_weight.to(logits)
    z = torch.add(margin.to(logits), logits, alpha=2)
    return binary_loss(
        lambda x: weight * definitions.sigmoid_ce_loss(x, labels),
        z,
        labels,
        SIGMOID,
        negative_weight=weight,
        positive_weight=weight,
    )


def fcbl_kernel(logits: Tensor, labels: Tensor, rows: Tensor, margin: Tensor, *, prob_thr: float = 0.7) -> Tensor:
    """Return (N,) losses of `fcbl_loss` from the margins of the foreground RoIs alone.

    Args:
        logits: (N, C + 1).
        labels: (N,) int64 in [0, C].
        rows: (M,) int64, the foreground RoIs.
        margin: (M, C) of each.
        prob_thr: in (0, 1].
    """
    least = definitions.fcbl_least_logit(logits, labels, prob_thr=prob_thr)[:, None]
    plain = logits.detach()
    shifted = logits.index_add(0, rows, F.pad(margin.to(logits), (0, 1)))

    def kept(block: slice) -> Tensor:
        counts = (plain[block] >= least[block]).to(logits.dtype)
        counts[:, -1] = 1
        return counts

    def definition(x: Tensor) -> Tensor:
        return kept(slice(None)) * definitions.sigmoid_ce_loss(x, labels)

    return binary_loss(definition, shifted, labels, SIGMOID, kept=kept)


def fed_columns_kernel(logits: Tensor, labels: Tensor, classes: Tensor, *, num_classes: int) -> Tensor:
    """Return (N,) losses of `fed_loss` from the logits of the sampled columns alone.

    Args:
        logits: (N, K) of the sampled classes.
        labels: (N,) int64 in [0, C].
        classes: (K,) int64, the class of each column; every foreground label is one of them.
        num_classes: C.
    """
    num_columns = len(classes)
    column = labels.new_full((num_classes + 1,), num_columns)
    column[classes] = torch.arange(num_columns, device=labels.device)
    columns = column[labels]
    return binary_loss(
        lambda x: definitions.sigmoid_ce_loss(x, columns),
        logits,
        columns,
        SIGMOID,
        kept=lambda rows: torch.ones_like(logits[rows]),  # background has no column
    )


def fed_kernel(logits: Tensor, labels: Tensor, sampled: Tensor) -> Tensor:
    """Return (N,) losses of `fed_loss`; `logits` (N, C), `labels` (N,), `sampled` (C,) bool."""
    return binary_loss(
        lambda x: definitions.fed_loss(x, labels, sampled),
        logits,
        labels,
        SIGMOID,
        kept=lambda rows: sampled.to(logits.dtype).repeat(len(labels[rows]), 1),
    )


def eqlv2_kernel(
    logits: Tensor, labels: Tensor, positive_weight: Tensor, negative_weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what `eqlv2_loss` returns, the losses as (N,).

    Args:
        logits: (N, C + 1).
        labels: (N,) int64 in [0, C].
        positive_weight: (C,) of `eqlv2_weights`.
        negative_weight: (C,) of `eqlv2_weights`.

    Returns:
        (N,) losses, and (C,) gradients of the positive and of the negative terms.
    """
    if is_compiling():
        loss, pos_grad, neg_grad = definitions.eqlv2_loss(logits, labels, positive_weight, negative_weight)
        return loss.sum(1), pos_grad, neg_grad
    positive, negative = (F.pad(w, (0, 1), value=1.0).to(logits.dtype) for w in (positive_weight, negative_weight))
    kernel = BinaryKernel(
        logits, labels, SIGMOID, negative_weight=negative, positive_weight=positive, sums_gradients=True
    )
    loss = fused_loss(
        logits, kernel, lambda x: definitions.eqlv2_loss(x, labels, positive_weight, negative_weight)[0].sum(1)
    )
    assert kernel.negative_sums is not None
    positive_sums = torch.zeros_like(kernel.negative_sums).scatter_add_(0, labels, -kernel.positive_gradient[:, 0])
    return loss, positive_sums[:-1], kernel.negative_sums[:-1]


def seesaw_kernel(
    logits: Tensor, labels: Tensor, cum_samples: Tensor, *, p: float = 0.8, q: float = 2.0, eps: float = 1e-2
) -> Tensor:
    """Return (N,) losses of `seesaw_loss`, whose shift is computed in place, and only the factors that are on.

    Args:
        logits: (N, C) of foreground RoIs.
        labels: (N,) int64 in [0, C).
        cum_samples: (C,) float.
        p: strength of mitigation.
        q: strength of compensation.
        eps: floor of the label's own score.
    """
    if is_compiling():
        return definitions.seesaw_loss(logits, labels, cum_samples, p=p, q=q, eps=eps)
    if q > 0:
        shift = F.log_softmax(logits.detach(), dim=1)
        own_score = shift.gather(1, labels[:, None]).clamp_(min=math.log(eps))
        torch.maximum(shift, own_score, out=shift).mul_(q)
    else:
        shift = torch.zeros_like(logits)
    if p > 0:
        log_count = cum_samples.to(logits.dtype).clamp(min=1).log_().mul_(p)
        shift.add_(torch.minimum(log_count, log_count[labels][:, None]))
    return F.cross_entropy(shift.add_(logits), labels, reduction='none')
