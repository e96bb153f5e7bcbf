"""EQLv2 (Tan et al., CVPR 2021)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.checks import number
from longtail_det.functional.kernels import eqlv2_kernel
from longtail_det.functional.losses import eqlv2_weights

from .objectness_loss import ObjectnessLoss
from .statistics_sync import SyncedStatistics


class EQLv2(SyncedStatistics, ObjectnessLoss):
    """Equalization loss v2 (Tan et al., CVPR 2021, arXiv:2012.08548): balance the gradients each class receives.

    C + 1 logits, the last the objectness of background. With g_j = pos_grad_j / neg_grad_j (started at 100) and
    f(g) = sigmoid(gamma (g - mu)), negatives of class j weigh f(g_j) and positives 1 + alpha (1 - f(g_j)); the last
    column weighs 1. After each step the gradients |sigmoid(x) - t| w are added to pos_grad and neg_grad.

    Why not mmdet's own `EQLV2Loss`? It sets none of the flags mmdet's box head reads, so the head decodes its
    sigmoid logits with a softmax at test and logs a softmax accuracy; here the scores are sigmoids times
    (1 - objectness of background), as the authors test.

    The weights of a step use the counters up to the step before, so summing over ranks after the step is exact:
    `StatisticsSyncHook` does that through the public function `longtail_det.losses.sync_statistics(model)`. Without
    the hook the counters move at the end of each call in training mode, on this rank's RoIs.

    Args:
        num_classes: foreground classes C.
        gamma: steepness of f.
        mu: ratio of gradients at which f is one half.
        alpha: how much positives of a suppressed class gain.
        test_with_obj: multiply the class scores at test by (1 - objectness of background).
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.
    """

    pos_grad: Tensor
    neg_grad: Tensor

    def __init__(
        self,
        num_classes: int,
        gamma: float = 12.0,
        mu: float = 0.8,
        alpha: float = 4.0,
        test_with_obj: bool = True,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.gamma = number('gamma', gamma, 0)
        self.mu = number('mu', mu)
        self.alpha = number('alpha', alpha, 0)
        self.test_with_obj = test_with_obj
        self.register_buffer('pos_grad', torch.zeros(num_classes))
        self.register_buffer('neg_grad', torch.zeros(num_classes))
        self.init_pending(2 * num_classes)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits; in training mode also count the gradients."""
        knobs = dict(gamma=self.gamma, mu=self.mu, alpha=self.alpha)
        positive, negative = eqlv2_weights(self.pos_grad, self.neg_grad, **knobs)
        loss, pos_grad, neg_grad = self.weighted_loss(logits, labels, positive, negative)
        if self.training:
            self.add_statistics(torch.cat([pos_grad, neg_grad]).float())
        return loss

    def weighted_loss(self, logits: Tensor, labels: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (N,) losses, and (C,) gradients of positives and of negatives.

        Args:
            logits: (N, C + 1).
            labels: (N,) int64 in [0, C].
            weights: (C,) of positives and (C,) of negatives.
        """
        return eqlv2_kernel(logits, labels, *weights)

    def apply_statistics(self, values: Tensor) -> None:
        """Add (2 C,) gradients, of positives then of negatives."""
        pos_grad, neg_grad = values.chunk(2)
        self.pos_grad += pos_grad
        self.neg_grad += neg_grad
