"""SigmoidCE: the sigmoid baseline of the GOL table."""

from __future__ import annotations

from torch import Tensor

from longtail_det.checks import one_of
from longtail_det.functional import Sigmoid
from longtail_det.functional.kernels import sigmoid_ce_kernel

from .activation_loss import ActivationLoss


class SigmoidCE(ActivationLoss):
    """Binary cross entropy over C + 1 columns (baseline of Alexandridis et al., ECCV 2022, arXiv:2207.10936).

    Unlike mmdet's `CrossEntropyLoss(use_sigmoid=True)` it sets the head's flags, so it is tested with the function
    it was trained with, and it builds no one-hot matrix.

    The published "sigmoid" row was trained like this but tested with a softmax, because the authors' head had no
    other path: `test_activation='softmax'` reproduces it.

    Args:
        num_classes: foreground classes C.
        test_activation: 'sigmoid', or 'softmax' for the published row.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: another `test_activation`.
    """

    activation = Sigmoid()

    def __init__(
        self, num_classes: int, test_activation: str = 'sigmoid', reduction: str = 'mean', loss_weight: float = 1.0
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.test_activation = one_of('test_activation', test_activation, ('sigmoid', 'softmax'))
        self.joint_softmax = test_activation == 'softmax'

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits."""
        return sigmoid_ce_kernel(logits, labels)

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return (N, C + 1) sigmoid or softmax scores of (N, C + 1) logits."""
        return cls_score.softmax(dim=-1) if self.test_activation == 'softmax' else super().get_activation(cls_score)
