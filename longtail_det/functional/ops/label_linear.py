"""A linear layer with a block of outputs for each class, of which each row wants one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: rows whose weights are gathered at a time where no gradient is wanted; they stay in the cache
_ROWS = 512


def label_linear(features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor | None, num_classes: int) -> Tensor:
    """Return the outputs of each row for its own class: `F.linear(...)` seen as (K, C, B), at [k, labels[k]].

    Cost and memory do not grow with C, but for the gradient of `weight`, which is dense like that of `F.linear`: zero
    in the rows of classes that were not asked for.

    Args:
        features: (K, D).
        labels: (K,) int64 in [0, C).
        weight: (C * B, D).
        bias: (C * B,) or None.
        num_classes: C.

    Returns:
        (K, B) in the dtype of `F.linear`, under autocast too.

    Example:
        >>> weight = torch.tensor([[1.0], [10.0], [100.0]])
        >>> label_linear(torch.tensor([[2.0], [3.0]]), torch.tensor([2, 0]), weight, None, num_classes=3)
        tensor([[200.],
                [  3.]])
    """
    # the gradient of a gather is as large as the weight: with gradients one gather, not one for each chunk
    rows = len(labels) if torch.is_grad_enabled() and weight.requires_grad else _ROWS
    if len(labels) <= rows:
        return _gathered(features, labels, weight, bias, num_classes)
    chunks = zip(features.split(rows), labels.split(rows), strict=True)
    return torch.cat([_gathered(part, own, weight, bias, num_classes) for part, own in chunks])


def _gathered(features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor | None, num_classes: int) -> Tensor:
    # embedding: its backward is one scatter-add into zeros, on every device
    own = F.embedding(labels, weight.view(num_classes, -1)).view(
        len(labels), len(weight) // num_classes, weight.size(1)
    )
    out = torch.einsum('kd,kbd->kb', features, own)
    return out if bias is None else out + F.embedding(labels, bias.view(num_classes, -1)).to(out.dtype)
