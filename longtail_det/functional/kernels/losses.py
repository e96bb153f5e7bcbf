"""The fast path of each definition: the same arguments, (N,) losses summed over columns."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import losses as definitions
from ..activations import SIGMOID, Activation, Gumbel
from .activations import MUTED
from .binary import BinaryKernel, binary_loss
from .fused import fused_loss, is_compiling, selects_rows


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
    mute = torch.where(is_tail, MUTED, 0.0).to(logits.dtype)
    of_row = torch.stack([torch.zeros_like(mute), mute])  # of background, of foreground
    foreground = (labels < is_tail.numel()).long()
    return binary_loss(
        lambda x: definitions.eql_loss(x, labels, is_tail, activation=activation),
        logits,
        labels,
        activation,
        background=False,
        inputs=lambda x, rows: of_row.index_select(0, foreground[rows]).add_(x),
    )


def drop_kernel(logits: Tensor, labels: Tensor, dropped: Tensor, *, activation: Activation = SIGMOID) -> Tensor:
    """Return (N,) losses of `drop_loss`; `logits` (N, C), `labels` (N,), `dropped` (N, C) bool, any `activation`."""
    return binary_loss(
        lambda x: definitions.drop_loss(x, labels, dropped, activation=activation),
        logits,
        labels,
        activation,
        background=False,
        # seen as bytes: several times faster to convert than bool
        inputs=lambda x, rows: dropped[rows].view(torch.uint8).to(x.dtype).mul_(MUTED).add_(x),
    )


def acsl_kernel(
    logits: Tensor, labels: Tensor, kept_background: Tensor, group: Tensor, *, score_thr: float = 0.7
) -> Tensor:
    """Return (N,) losses of `acsl_loss`: foreground RoIs have one threshold, background RoIs one row of a table.

    Args:
        logits: (N, C + 1).
        labels: (N,) int64 in [0, C].
        kept_background: (N, G) bool.
        group: (C + 1,) int64 in [0, G).
        score_thr: in (0, 1).
    """
    if not selects_rows(logits):
        return definitions.acsl_loss(logits, labels, kept_background, group, score_thr=score_thr).sum(1)
    num_groups = kept_background.size(1)
    bits = 2 ** torch.arange(num_groups, device=labels.device)
    # which groups keep a background RoI is a number in binary, the row of the table; the last row is of foreground
    kept_by = (torch.arange(2**num_groups, device=labels.device)[:, None] & bits)[:, group] > 0
    table = F.pad(torch.where(kept_by, 0.0, MUTED).to(logits.dtype), (0, 0, 0, 1))
    foreground = labels < len(group) - 1
    row_of = torch.where(foreground, len(table) - 1, (kept_background * bits).sum(1))
    least = math.log(score_thr / (1 - score_thr))

    def inputs(x: Tensor, rows: slice) -> Tensor:
        z = table.index_select(0, row_of[rows]).add_(x)
        members = foreground[rows].nonzero().squeeze(1)
        own = x.index_select(0, members)
        low = torch.lt(own, least, out=torch.empty_like(own))  # floats: several times faster than bool
        return z.index_copy_(0, members, own.add_(low, alpha=MUTED))

    return binary_loss(
        lambda x: definitions.acsl_loss(x, labels, kept_background, group, score_thr=score_thr),
        logits,
        labels,
        SIGMOID,
        inputs=inputs,
    )


def ecm_kernel(logits: Tensor, labels: Tensor, margin: Tensor, column_weight: Tensor) -> Tensor:
    """Return (N,) losses of `ecm_loss`; `logits` (N, C + 1), `labels` (N,), `margin`, `column_weight` (C + 1,)."""
    margin, weight = margin.to(logits), column_weight.to(logits)
    own = logits.detach().gather(1, labels[:, None])[:, 0]
    return binary_loss(
        lambda x: definitions.ecm_loss(x, labels, margin, weight),
        logits,
        labels,
        SIGMOID,
        inputs=lambda x, rows: torch.add(margin, x, alpha=2),
        own=torch.add(margin[labels], own, alpha=2),
        slope=2.0,
        negative_weight=weight,
        positive_weight=weight,
    )


def fcbl_kernel(logits: Tensor, labels: Tensor, index: Tensor, margin: Tensor, *, prob_thr: float = 0.7) -> Tensor:
    """Return (N,) losses of `fcbl_loss` from the margins of the classes of the batch.

    Args:
        logits: (N, C + 1).
        labels: (N,) int64 in [0, C].
        index: (N,) int64, row of `margin` of each foreground RoI.
        margin: (P, C), zero where a class meets itself.
        prob_thr: in (0, 1].
    """
    margin = F.pad(margin.to(logits), (0, 1))
    least = definitions.fcbl_least_logit(logits, labels, prob_thr=prob_thr)[:, None]
    foreground = labels < logits.size(1) - 1

    def inputs(x: Tensor, rows: slice) -> Tensor:
        members = foreground[rows].nonzero().squeeze(1)
        own = x.index_select(0, members)
        low = torch.lt(own, least[rows][members], out=torch.empty_like(own))  # floats: faster than bool
        low[:, -1] = 0  # background always counts
        own.add_(margin.index_select(0, index[rows][members])).add_(low, alpha=MUTED)
        return x.index_copy(0, members, own)

    def definition(x: Tensor) -> Tensor:
        of_row = torch.where(foreground[:, None], F.pad(margin, (0, 0, 0, 1))[index], 0.0)
        return definitions.fcbl_loss(x, labels, of_row[:, :-1], prob_thr=prob_thr)

    return binary_loss(definition, logits, labels, SIGMOID, inputs=inputs)


def fed_sample(labels: Tensor, class_weight: Tensor, noise: Tensor, *, num_sampled: int = 50) -> Tensor:
    """Select the classes of `fed_classes` by their keys alone, without ranking all classes.

    Args:
        labels: (N,) int64 in [0, C].
        class_weight: (C,) float >= 0.
        noise: (C + 1,) float > 0.
        num_sampled: classes wanted.

    Returns:
        (K,) int64, ascending.
    """
    present = torch.zeros_like(noise, dtype=torch.bool).index_fill_(0, labels, True)
    key = (class_weight / noise[:-1]).masked_fill_(present[:-1], math.inf)
    wanted = max(int(present.sum()), num_sampled) - int(present[-1])
    values, classes = key.topk(min(wanted, key.numel()))
    return classes[values > 0].sort().values


def fed_columns_kernel(logits: Tensor, labels: Tensor, classes: Tensor, *, num_classes: int) -> Tensor:
    """Return (N,) losses of `fed_loss` from the logits of the sampled columns alone; so few need no own gradient.

    Args:
        logits: (N, K) of the sampled classes.
        labels: (N,) int64 in [0, C].
        classes: (K,) int64, the class of each column; every foreground label is one of them.
        num_classes: C.
    """
    columns = torch.arange(classes.numel(), device=labels.device)
    # background has no column
    column = labels.new_full((num_classes + 1,), -1).scatter_(0, classes, columns)
    target = (column[labels][:, None] == columns).to(logits)
    return F.binary_cross_entropy_with_logits(logits, target, reduction='none').sum(1)


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
    return loss, positive_sums[:-1], kernel.negative_sums[:-1].clone()


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
