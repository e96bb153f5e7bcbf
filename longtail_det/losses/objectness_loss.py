"""Losses of C + 1 sigmoids, the last of which says that a RoI is background."""

from __future__ import annotations

from torch import Tensor

from longtail_det.functional import Sigmoid

from .base import RoIClassificationLoss


class ObjectnessLoss(RoIClassificationLoss):
    """Base of the losses whose test scores are sigmoids of the classes times (1 - sigmoid of background).

    Args:
        num_classes: foreground classes C.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.
    """

    #: multiply the class scores at test by (1 - last column)
    test_with_obj = True

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return sigmoids; class columns times (1 - last column) with `test_with_obj`.

        Args:
            cls_score: (N, C + 1) logits.

        Returns:
            (N, C + 1) scores.
        """
        scores = cls_score.sigmoid()
        if self.test_with_obj:
            scores[:, :-1] *= 1 - scores[:, -1:]
        return scores

    def bias_of_prior(self, prior_prob: float) -> float:
        """Return the classifier bias at which every sigmoid starts as `prior_prob`."""
        return Sigmoid().logit(prior_prob)
