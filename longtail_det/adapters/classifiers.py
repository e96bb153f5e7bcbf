"""Classifiers of RoI heads: the columns that a loss needs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from longtail_det.checks import number
from longtail_det.losses import RoIClassificationLoss


def fit_classifier(
    classifier: nn.Linear, loss: RoIClassificationLoss, prior_prob: float | None, *, background_first: bool
) -> nn.Linear:
    """Return a classifier of the columns that a loss needs; the weights of the classes are kept.

    Args:
        classifier: C + 1 columns, one of them background.
        loss: of C classes.
        prior_prob: test score that every class starts with; None leaves the bias as it is.
        background_first: whether background is the first column, as in torchvision, or the last. The columns of the
            loss that belong to no class take its place.

    Returns:
        The same layer where the loss has C + 1 columns, otherwise a new one.

    Raises:
        ValueError: another number of classes, or a prior for a loss that knows none.
    """
    if not isinstance(classifier, nn.Linear) or classifier.out_features != loss.num_classes + 1:
        raise ValueError(
            f'{type(loss).__name__}(num_classes={loss.num_classes}) needs a linear classifier of '
            f'{loss.num_classes + 1} columns, one of them background; found {classifier}'
        )
    extra = loss.extra_channels
    old_classes, classes = slice(-1), slice(loss.num_classes)
    if background_first:
        old_classes, classes = slice(1, None), slice(extra, None)
    if extra != 1:
        old, has_bias = classifier, classifier.bias is not None
        classifier = nn.Linear(old.in_features, loss.get_cls_channels(loss.num_classes), bias=has_bias).to(old.weight)
        with torch.no_grad():
            classifier.weight[classes] = old.weight[old_classes]
            if has_bias:
                classifier.bias[classes] = old.bias[old_classes]
    if prior_prob is not None:
        _start_at(classifier, loss, number('prior_prob', prior_prob, above=0, below=1), classes)
    return classifier


def _start_at(classifier: nn.Linear, loss: RoIClassificationLoss, prior_prob: float, classes: slice) -> None:
    bias_of_prior: Callable[[float], float] | None = getattr(loss, 'bias_of_prior', None)
    if bias_of_prior is None or classifier.bias is None:
        raise ValueError(
            f'prior_prob={prior_prob}: {type(loss).__name__} has no prior bias, or the classifier none; leave it out'
        )
    with torch.no_grad():
        classifier.bias[classes] = bias_of_prior(prior_prob)


def total(parts: Tensor | dict[str, Tensor]) -> Tensor:
    """Return one loss, where a host expects one and a loss such as Seesaw gives two by name.

    Args:
        parts: a scalar, or scalars by name.
    """
    return torch.stack(list(parts.values())).sum() if isinstance(parts, dict) else parts
