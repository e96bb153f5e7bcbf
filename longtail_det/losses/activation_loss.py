"""Losses of independent probabilities, one per column, each with its activation."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.functional import Activation, Gumbel, Sigmoid

from .base import RoIClassificationLoss

#: GOL's clamp of the logits in training
GUMBEL_CLAMP = (-4.0, 10.0)
ACTIVATIONS: dict[str, Activation] = {'sigmoid': Sigmoid(), 'gumbel': Gumbel(GUMBEL_CLAMP)}


class ActivationLoss(RoIClassificationLoss):
    """Base of losses whose test scores are `activation.probability` of each logit on its own.

    A subclass sets `activation`. With `extra_channels = 0` there is no background logit: the background column of the
    test scores is zero.
    """

    activation: Activation

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return (N, C + 1) test scores, never clamped, of (N, C) or (N, C + 1) logits; they need not sum to 1."""
        scores = self.activation.probability(cls_score)
        return scores if self.extra_channels else torch.cat([scores, scores.new_zeros(len(scores), 1)], dim=1)

    def get_accuracy(self, cls_score: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the percentage of RoIs whose best column is their label; without a background logit: none over 0.5."""
        if not cls_score.size(0):
            return {'acc': cls_score.new_zeros(())}
        best, column = cls_score.max(dim=1)
        if not self.extra_channels:
            column = torch.where(self.activation.probability(best) < 0.5, self.num_classes, column)
        return {'acc': (column == labels).float().sum(0, keepdim=True) * (100.0 / len(labels))}

    def bias_of_prior(self, prior_prob: float) -> float:
        """Return the classifier bias at which every score starts as `prior_prob`."""
        return self.activation.logit(prior_prob)


def find_activation(activation: str) -> Activation:
    """Return the activation that a config names, 'sigmoid' or 'gumbel'; any other name is a ValueError."""
    if activation not in ACTIVATIONS:
        raise ValueError(f'activation={activation!r}; expected one of {sorted(ACTIVATIONS)}')
    return ACTIVATIONS[activation]
