"""What the dense hosts have in common: targets in the form of our losses, and when their statistics move."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail_det.functional import Sigmoid
from longtail_det.losses import EQFL, RoIClassificationLoss, counting_modules, sync_statistics
from longtail_det.losses.efl import EqualizedFocalLoss


def check_dense(loss: nn.Module) -> None:
    """Raise a ValueError at a loss that has other columns than the C sigmoids of a dense head.

    Args:
        loss: `EFL` or `EQFL`, or a RoI loss of sigmoids without a background column, such as `EQL` and `FedLoss`.
    """
    is_roi_loss = isinstance(loss, RoIClassificationLoss) and loss.extra_channels == 0
    if not isinstance(loss, EqualizedFocalLoss) and not (is_roi_loss and isinstance(loss.activation, Sigmoid)):
        raise ValueError(
            f'{type(loss).__name__} is no loss of C sigmoids; expected EFL, EQFL, FedLoss, or EQL or DropLoss with '
            "activation='sigmoid'"
        )


def dense_loss(loss: nn.Module, logits: Tensor, labels: Tensor, quality: Tensor, avg_factor: float | Tensor) -> Tensor:
    """Return the loss of anchors or queries.

    Args:
        loss: see `check_dense`.
        logits: (A, C).
        labels: (A,) int64 in [0, C], C = background.
        quality: (A,) target score of the label, such as its IoU; used by `EQFL` alone.
        avg_factor: what the sum is divided by.

    Returns:
        A scalar.
    """
    target: Any = (labels, quality) if isinstance(loss, EQFL) else labels
    result: Tensor = loss(logits, target, avg_factor=avg_factor, reduction_override='mean')
    return result


def matched_loss(
    loss: nn.Module,
    logits: Tensor,
    boxes: Tensor,
    source: tuple[Tensor, Tensor],
    target_labels: Tensor,
    target_boxes: Tensor,
    num_boxes: float | Tensor,
) -> Tensor:
    """Return the loss of the queries of a DETR, each matched to one object or to none.

    Args:
        loss: see `check_dense`.
        logits: (B, Q, C).
        boxes: (B, Q, 4) cx, cy, width, height of each query.
        source: image and query of the M matches, (M,) int64 each.
        target_labels: (M,) int64 in [0, C).
        target_boxes: (M, 4) likewise, of the objects.
        num_boxes: what the sum is divided by.

    Returns:
        A scalar.
    """
    labels = torch.full(logits.shape[:2], logits.size(2), dtype=torch.long, device=logits.device)
    labels[source] = target_labels
    quality = torch.zeros(logits.shape[:2], dtype=torch.float, device=logits.device)
    quality[source] = box_iou_of_pairs(boxes[source].detach().float(), target_boxes.float())
    return dense_loss(loss, logits.flatten(0, 1), labels.flatten(), quality.flatten(), num_boxes)


def box_iou_of_pairs(boxes: Tensor, others: Tensor) -> Tensor:
    """Return the IoU of each box with its partner.

    Args:
        boxes: (M, 4) cx, cy, width, height.
        others: (M, 4) likewise.

    Returns:
        (M,) in [0, 1].
    """
    (center, size), (other_center, other_size) = boxes.chunk(2, dim=1), others.chunk(2, dim=1)
    start = torch.maximum(center - size / 2, other_center - other_size / 2)
    stop = torch.minimum(center + size / 2, other_center + other_size / 2)
    overlap = (stop - start).clamp(min=0).prod(dim=1)
    union = size.prod(dim=1) + other_size.prod(dim=1) - overlap
    return overlap / union.clamp(min=torch.finfo(union.dtype).eps)


def sync_after_step(optimizer: torch.optim.Optimizer, model: nn.Module) -> Any:
    """Move the state of the losses of a model (EQLv2, EFL, Seesaw with `sync`, ...) after each step of an optimizer.

    This is what `StatisticsSyncHook` does in mmdet: a step sees the state up to the step before, and all ranks of
    `torch.distributed` hold the same state. Without it each loss moves its state in each call, on its own rank.

    Args:
        optimizer: its steps are the same on all ranks.
        model: a model, or a loss by itself.

    Returns:
        A handle, of which `remove()` ends it; the state then waits for `sync_statistics`.

    Example:
        >>> from longtail_det.losses import EQLv2
        >>> loss, logits = EQLv2(num_classes=3), torch.nn.Parameter(torch.zeros(2, 4))
        >>> optimizer = torch.optim.SGD([logits], lr=0.1)
        >>> _ = sync_after_step(optimizer, loss)
        >>> loss(logits, torch.tensor([0, 3])).backward()
        >>> bool(loss.neg_grad.any())
        False
        >>> optimizer.step()
        >>> bool(loss.neg_grad.any())
        True
    """
    for module in counting_modules(model):
        module.defer_statistics()
    return optimizer.register_step_post_hook(lambda *_: sync_statistics(model))
