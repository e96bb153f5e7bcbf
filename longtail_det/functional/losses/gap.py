"""Global average precision loss of ROG (Zhang et al., ICCV 2023): errors of ranking, and their gradient."""

from __future__ import annotations

from torch import Tensor

from .binary_cross_entropy import one_hot


def gap_relation(distance: Tensor, *, delta: float = 0.5) -> Tensor:
    """Return how far a logit ranks above another: 0 below -delta, 1 above delta, linear between.

    Args:
        distance: difference of logits, any shape.
        delta: half width of the ramp, > 0.
    """
    return (distance / (2 * delta) + 0.5).clamp(0, 1)


def gap_loss(logits: Tensor, labels: Tensor, class_weight: Tensor, *, delta: float = 0.5) -> tuple[Tensor, Tensor]:
    """Compute the ranking error, and the gradient that error-driven learning gives the logits.

    A positive is the logit of a foreground RoI at its label, a negative every other class logit of every RoI. A
    positive that is ranked below FP negatives and rank+ positives of its class has the error FP / (rank+ + FP). This
    is the formula as it stands, of M x N x C terms for M foreground RoIs; `gap_kernel` sums the same terms by sorting.

    Args:
        logits: (N, C) class logits.
        labels: (N,) int64 in [0, C]; C is background.
        class_weight: (C,) weight of each class in the gradient.
        delta: half width of the ramp of `gap_relation`.

    Returns:
        Scalar mean over the classes of the batch of their mean error, and the (N, C) gradient, without the factor of
        the loss.
    """
    x = logits.detach()
    target = one_hot(labels, x.size(1))
    positive, own = x[target], labels[labels < x.size(1)]
    same = own[:, None] == own
    relation = gap_relation(x.flatten() - positive[:, None], delta=delta) * ~target.flatten()
    rank = (gap_relation(positive - positive[:, None], delta=delta) * same).sum(1) + relation.sum(1)
    error = relation.sum(1) / rank
    share = 1 / (same.sum(1) * len(own.unique()))
    coefficient = share * class_weight.to(x)[own]
    gradient = ((coefficient / rank)[:, None] * relation).sum(0).view_as(x)
    return (share * error).sum(), gradient.masked_scatter(target, -coefficient * error)
