"""Rows replayed from a FeatureBank: drawing them, and regressing their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..memory import FeatureBank
from .class_deltas import ClassDeltas, can_defer


@dataclass(frozen=True)
class Replay:
    """Rows to append to a batch of RoIs.

    Args:
        features: (K, D) stored features, without gradient.
        labels: (K,) int64 in [0, C]; C in rows that do not count.
        targets: (K, B) box regression targets.
        counts: (K,) bool, False in rows of padding; None: all rows count.
    """

    features: Tensor
    labels: Tensor
    targets: Tensor
    counts: Tensor | None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def number(self) -> Tensor | int:
        """Number of rows that count; on the device where it is known only there."""
        return len(self) if self.counts is None else self.counts.sum()

    def mask(self, values: Tensor) -> Tensor:
        """Return (K, ...) values, zero in the rows that do not count."""
        if self.counts is None:
            return values
        return torch.where(self.counts.view(-1, *[1] * (values.dim() - 1)), values, 0.0)


def draw_replay(
    bank: FeatureBank,
    labels: Tensor,
    sampling_results: Sequence[Any],
    *,
    num_per_class: int,
    strategy: str,
    padded: bool,
    dtype: torch.dtype,
) -> Replay:
    """Return the stored rows of the target classes among the labels of a step.

    Args:
        bank: what is stored.
        labels: (N,) int64 in [0, C], of the step's RoIs.
        sampling_results: mmdet's, one per image; they bound the number of classes without asking the device.
        num_per_class: most rows of a class.
        strategy: 'recent' or 'random'.
        padded: a number of rows that depends on no value, some of which do not count.
        dtype: of the features wanted; the bank's may be shorter.

    Returns:
        The rows; without padding exactly those stored.
    """
    counts: Tensor | None = None
    if padded:
        bound = sum(min(len(result.pos_inds), result.num_gts) for result in sampling_results)
        features, classes, targets, counts = bank.sample_padded(labels, num_per_class, strategy, bound)
    else:
        features, classes, targets = bank.sample(labels, num_per_class, strategy)
    return Replay(features.to(dtype), classes, targets, counts)


def may_pad(loss_cls: nn.Module, labels: Tensor) -> bool:
    """Return whether rows that do not count can stand among the others: on a GPU, with a loss that has no state.

    Their weight is 0, so value and gradient do not see them, and the host need not wait to learn how many rows there
    are. But a loss with buffers may count every row it gets (EQLv2 its gradients, SeesawLoss its labels), so it gets
    none that is not real, at the price of one wait per step. On a CPU nobody waits, and fewer rows are less work.
    """
    return labels.is_cuda and not any(True for _ in loss_cls.buffers())


def regress_own_class(fc_reg: nn.Module, features: Tensor, labels: Tensor, num_classes: int, box_dim: int) -> Tensor:
    """Return the box regression of each row for its own class alone.

    Of a plain linear layer only the rows of the wanted classes are computed; any other layer is run in full.

    Args:
        fc_reg: regression layer of `box_dim` (class agnostic) or C * `box_dim` outputs.
        features: (K, D).
        labels: (K,) int64 in [0, C]; C is treated as C - 1.
        num_classes: C.
        box_dim: numbers per box B.

    Returns:
        (K, B) regression.
    """
    labels = labels.clamp(max=num_classes - 1)
    if can_defer(fc_reg) and fc_reg.out_features == num_classes * box_dim:
        return ClassDeltas(features, fc_reg, num_classes).pick(labels)
    out = fc_reg(features)
    if out.size(1) == box_dim:
        return out
    return out.view(len(out), num_classes, box_dim)[torch.arange(len(out), device=out.device), labels]
