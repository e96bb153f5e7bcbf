"""The DETR family of transformers with one of our dense losses; nothing of transformers is imported."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .dense import check_dense, matched_loss
from .host_functions import rebind

#: the classification terms of the hosts' criteria, and the key that each returns
_TERMS = {'labels': 'loss_ce', 'vfl': 'loss_vfl', 'mal': 'loss_mal'}
#: the models whose classes are independent sigmoids, with the criterion of each
HOSTS = {
    'ConditionalDetrForObjectDetection': 'DeformableDetrImageLoss',
    'DFineForObjectDetection': 'DFineLoss',
    'DabDetrForObjectDetection': 'DeformableDetrImageLoss',
    'DeformableDetrForObjectDetection': 'DeformableDetrImageLoss',
    'Deimv2ForObjectDetection': 'Deimv2Loss',
    'LwDetrForObjectDetection': 'LwDetrImageLoss',
    'RTDetrForObjectDetection': 'RTDetrLoss',
    'RTDetrV2ForObjectDetection': 'RTDetrLoss',
    'RfDetrForObjectDetection': 'LwDetrImageLoss',
}


class DetrLoss(nn.Module):
    """The `loss_function` of a model, in which the classification term is ours.

    Matching, boxes, auxiliary layers, denoising queries and weights are the host's.

    Args:
        loss: see `transformers_dense_loss`.
        host: the model's own loss function.
        criterion: name of the class that it builds in each call.
    """

    def __init__(self, loss: nn.Module, host: Callable[..., Any], criterion: str) -> None:
        super().__init__()
        self.long_tail_loss = loss
        self.host = host
        self.criterion = criterion

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the host's function returns."""
        return rebind(self.host, **{self.criterion: self._build_criterion})(*args, **kwargs)

    def _build_criterion(self, *args: Any, **kwargs: Any) -> Any:
        criterion = self.host.__globals__[self.criterion](*args, **kwargs)
        criterion.get_loss = partial(self._get_loss, criterion, criterion.get_loss)
        return criterion

    def _get_loss(
        self,
        criterion: Any,
        host: Callable[..., Any],
        name: str,
        outputs: dict[str, Tensor],
        targets: list[dict[str, Tensor]],
        indices: list[tuple[Tensor, Tensor]],
        num_boxes: Any,
    ) -> Any:
        if name not in _TERMS:
            return host(name, outputs, targets, indices, num_boxes)
        matches = list(zip(targets, indices, strict=True))
        loss = matched_loss(
            self.long_tail_loss,
            outputs['logits'],
            outputs['pred_boxes'],
            criterion._get_source_permutation_idx(indices),
            torch.cat([target['class_labels'][found] for target, (_, found) in matches]),
            torch.cat([target['boxes'][found] for target, (_, found) in matches]),
            num_boxes,
        )
        return {_TERMS[name]: loss}


def transformers_dense_loss(model: Any, loss: nn.Module) -> Any:
    """Train a DETR of transformers (RT-DETR, Deformable DETR, D-FINE, ...) with one of our dense losses.

    Labels are in [0, C) as ours; scores at test are the host's sigmoids. The IoU of a matched query with its object is
    the target score of `EQFL`. The loss is the submodule `_loss_function.long_tail_loss`, so its state is in the
    model's `state_dict`: after `from_pretrained`, adapt the model first and then load the state.

    Args:
        model: one of `HOSTS`; those with a softmax, such as DETR, are refused.
        loss: of C = `model.config.num_labels` classes: `EFL`, `EQFL`, or a RoI loss without a background column.

    Returns:
        The model, changed in place.

    Raises:
        ValueError: another model, a loss of other columns, or of another number of classes.
    """
    if getattr(model, 'loss_type', None) not in HOSTS:
        raise ValueError(f'{type(model).__name__} is not supported; expected one of {", ".join(HOSTS)}')
    check_dense(loss)
    if loss.num_classes != model.config.num_labels:
        raise ValueError(
            f'{type(loss).__name__} has num_classes={loss.num_classes}, the model num_labels='
            f'{model.config.num_labels}; make them equal'
        )
    host = getattr(model.loss_function, 'host', model.loss_function)  # adapted before: from the beginning again
    adapted = DetrLoss(loss, host, HOSTS[model.loss_type])
    rebind(host, **{adapted.criterion: adapted.criterion})  # raises at a release that builds another criterion
    model._loss_function = adapted.to(model.device)
    return model
