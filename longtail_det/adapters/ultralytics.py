"""YOLO models of Ultralytics with one of our dense losses; nothing of Ultralytics is imported (AGPL-3.0)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from .dense import check_dense, dense_loss, sync_after_step


class SoftTargetLoss(nn.Module):
    """What stands in the place of `criterion.bce`: a loss of (B, A, C) logits and target scores.

    Each anchor has one class at most there, whose target score is its alignment with the object; so label and quality
    hold all of the target. The result is a scalar whose sum is the sum of the anchors' losses, as the host's sum of all
    (B, A, C) values is. The loss counts only where there is a gradient.

    Args:
        loss: see `ultralytics_dense_loss`.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.long_tail_loss = loss

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Return the sum of the losses of all anchors.

        Args:
            pred: (B, A, C) logits.
            target: (B, A, C) scores in [0, 1], at most one of an anchor above 0.
        """
        self.train(pred.requires_grad)
        quality, labels = target.flatten(0, -2).max(dim=1)
        labels = labels.masked_fill(quality == 0, target.size(-1))
        normalizer = target.sum().clamp(min=1)  # the host divides by it
        return normalizer * dense_loss(self.long_tail_loss, pred.flatten(0, -2), labels, quality, normalizer)


def swap_bce(criterion: Any, loss: nn.Module) -> None:
    """Put a loss in the place of the binary cross entropy of a criterion, or of both of an end-to-end model's.

    Args:
        criterion: `model.criterion`, of `v8DetectionLoss` or one that derives from it or holds such.
        loss: see `ultralytics_dense_loss`.

    Raises:
        ValueError: a criterion without `bce`, with class weights, or of another number of classes.
    """
    check_dense(loss)
    holders = [criterion] if hasattr(criterion, 'bce') else [c for c in vars(criterion).values() if hasattr(c, 'bce')]
    if not holders:
        raise ValueError(f'{type(criterion).__name__} has no bce; expected the criterion of a YOLO that detects')
    for holder in holders:
        if holder.nc != loss.num_classes:
            raise ValueError(
                f'{type(loss).__name__} has num_classes={loss.num_classes}, the model nc={holder.nc}; make them equal'
            )
        if getattr(holder, 'class_weights', None) is not None:
            raise ValueError('the model weighs its classes already; set cls_pw=0')
        holder.bce = SoftTargetLoss(loss).to(holder.device)


def ultralytics_dense_loss(loss: nn.Module) -> Callable[[Any], None]:
    """Return a callback for `on_train_start` that trains a YOLO model of Ultralytics with one of our dense losses.

    `EQFL` uses the host's soft target scores, other losses take positives as 1. Scores at test are the host's sigmoids.
    State moves after each step of the optimizer. The host throws its criterion away when it writes a checkpoint, so
    keep `loss.state_dict()` to go on from one; its validation loss stays the binary cross entropy.

    Args:
        loss: of C classes: `EFL`, `EQFL`, or a RoI loss without a background column.

    Returns:
        The callback: `YOLO('yolo11n.yaml').add_callback('on_train_start', ultralytics_dense_loss(EQFL(80)))`.

    Raises:
        ValueError: a loss of other columns.
    """
    check_dense(loss)

    def on_train_start(trainer: Any) -> None:
        model = getattr(trainer.model, 'module', trainer.model)  # without the wrapper of several GPUs
        if getattr(model, 'criterion', None) is None:
            model.criterion = model.init_criterion()
        swap_bce(model.criterion, loss)
        sync_after_step(trainer.optimizer, loss)

    return on_train_start
