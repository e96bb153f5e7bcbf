"""RF-DETR's criterion with one of our dense losses; nothing of rfdetr is imported."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .dense import check_dense, matched_loss


class CriterionLabels:
    """The `loss_labels` of RF-DETR's `SetCriterion`, by one of our losses.

    Args:
        criterion: holds the loss as `long_tail_loss`.
    """

    def __init__(self, criterion: Any) -> None:
        self.criterion = criterion

    def __call__(
        self,
        outputs: dict[str, Tensor],
        targets: list[dict[str, Tensor]],
        indices: list[tuple[Tensor, Tensor]],
        num_boxes: Tensor,
        **unused: Any,
    ) -> dict[str, Tensor]:
        """Return `loss_ce`.

        Args:
            outputs: `pred_logits` (B, Q, C) and `pred_boxes` (B, Q, 4).
            targets: `labels` and `boxes` of each image.
            indices: matched queries and objects of each image.
            num_boxes: what the sum is divided by.
            unused: what the host asks for its log.
        """
        if targets and 'valid' in targets[0]:
            raise ValueError('targets are padded to a fixed size; expected pad_targets_to=None')
        matches = list(zip(targets, indices, strict=True))
        loss = matched_loss(
            self.criterion.long_tail_loss,
            outputs['pred_logits'],
            outputs['pred_boxes'],
            self.criterion._get_src_permutation_idx(indices),
            torch.cat([target['labels'][found] for target, (_, found) in matches]),
            torch.cat([target['boxes'][found] for target, (_, found) in matches]),
            num_boxes,
        )
        return {'loss_ce': loss}


def rfdetr_dense_loss(criterion: Any, loss: nn.Module) -> Any:
    """Train RF-DETR with one of our dense losses.

    The IoU of a matched query with its object is the target score of `EQFL`. Scores at test are the host's sigmoids.
    The loss is a submodule of the criterion, and so part of the checkpoints of `RFDETRModelModule`.

    Args:
        criterion: the `SetCriterion` of `RFDETRModelModule`, `module.criterion`.
        loss: of C = `criterion.num_classes` classes, one more than the data set has: `EFL`, `EQFL`, or a RoI loss
            without a background column.

    Returns:
        The criterion, changed in place. In a loop of your own, move it to the device of the model.

    Raises:
        ValueError: a loss of other columns, or of another number of classes.
    """
    check_dense(loss)
    if loss.num_classes != criterion.num_classes:
        raise ValueError(
            f'{type(loss).__name__} has num_classes={loss.num_classes}, the criterion {criterion.num_classes} (one '
            'more than the data set); make them equal'
        )
    criterion.long_tail_loss = loss
    criterion.loss_labels = CriterionLabels(criterion)
    criterion.ia_bce_loss = False  # which also keeps the criterion from a fused path past loss_labels
    return criterion
