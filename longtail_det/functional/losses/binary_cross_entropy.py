"""Binary cross entropy of independent columns, from which most of the definitions are made."""

from __future__ import annotations

import torch
from torch import Tensor

from ..activations import SIGMOID, Activation


def one_hot(labels: Tensor, num_columns: int) -> Tensor:
    """Return (N, K) bool, True in the column of the label; a label K, background without a column, has none.

    Args:
        labels: (N,) int64 in [0, K].
        num_columns: K.
    """
    return labels[:, None] == torch.arange(num_columns, device=labels.device)


def binary_cross_entropy(logits: Tensor, target: Tensor, activation: Activation = SIGMOID) -> Tensor:
    """Return -log p where the target is set and -log(1 - p) elsewhere.

    Args:
        logits: (N, K) raw scores.
        target: (N, K) bool.
        activation: from logit to probability.

    Returns:
        (N, K) loss in nats, unreduced.
    """
    return -torch.where(target, activation.log_p(logits), activation.log_not_p(logits))
