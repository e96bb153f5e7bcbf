"""EFL and EQFL, equalized focal losses of one-stage detectors (Li et al., CVPR 2022)."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.checks import number, one_of, probability, whole
from longtail_det.functional.kernels import focal_kernel
from longtail_det.functional.losses import efl_focus, efl_loss, eqfl_loss

from .base import REDUCTIONS, AvgFactor
from .statistics_sync import SyncedStatistics


class EqualizedFocalLoss(SyncedStatistics):
    """What `EFL` and `EQFL` share: a focusing parameter for each class, from the gradients it has received.

    gamma_j = gamma + scale (1 - g_j), with g_j = pos_grad_j / neg_grad_j in [0, 1], and 1 at the start. After each
    step the absolute gradients of the loss, divided by its normalizer, are added; they are known in closed form, so
    that no hook on a layer is needed and float16 training works. A step uses the sums up to the step before where
    `StatisticsSyncHook` is in `custom_hooks`, which also sums over ranks. Without it they move after each call, that is
    from one level of the pyramid to the next.

    Args:
        num_classes: classes C.
        use_sigmoid: True; mmdet's heads look for it in the config, so write it there.
        gamma: focusing parameter of a balanced class.
        scale: how much more an unbalanced class focuses.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: a value out of range.
    """

    #: one value per anchor, as mmdet's quality focal loss has it, or one per logit as its focal loss
    sums_columns = False
    pos_grad: Tensor
    neg_grad: Tensor

    def __init__(
        self,
        num_classes: int,
        use_sigmoid: bool = True,
        gamma: float = 2.0,
        scale: float = 8.0,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if not use_sigmoid:
            raise ValueError(f'use_sigmoid={use_sigmoid}; expected True')
        self.num_classes = whole('num_classes', num_classes, 1)
        self.use_sigmoid = use_sigmoid
        self.gamma = number('gamma', gamma, 1)
        self.scale = number('scale', scale, 0)
        self.reduction = one_of('reduction', reduction, REDUCTIONS)
        self.loss_weight = number('loss_weight', loss_weight, 0)
        self.register_buffer('pos_grad', torch.zeros(num_classes))
        self.register_buffer('neg_grad', torch.zeros(num_classes))
        self.init_pending(2 * num_classes)

    def _loss(
        self,
        pred: Tensor,
        labels: Tensor,
        iou: Tensor | None,
        weight: Tensor | None,
        avg_factor: AvgFactor,
        reduction_override: str | None,
    ) -> Tensor:
        reduction = reduction_override or self.reduction
        if reduction not in REDUCTIONS or (reduction == 'sum' and avg_factor is not None):
            raise ValueError(
                f'{type(self).__name__}: reduction={reduction!r}, avg_factor={avg_factor}; expected one of '
                f'{REDUCTIONS}, and an avg_factor with the mean alone'
            )
        if pred.dim() != 2 or pred.size(1) != self.num_classes:
            raise ValueError(
                f'{type(self).__name__}(num_classes={self.num_classes}) got pred of shape {tuple(pred.shape)}; '
                f'expected (A, {self.num_classes}); set num_classes to the classes of the dataset'
            )
        with torch.autocast(pred.device.type, enabled=False):
            logits = pred if pred.dtype == torch.float64 else pred.float()
            focus = efl_focus(self.pos_grad, self.neg_grad, gamma=self.gamma, scale=self.scale)
            row_weight = None if weight is None else weight.to(logits)
            loss, *sums = focal_kernel(
                logits, labels, focus, gamma=self.gamma, alpha=self._alpha(), iou=iou, row_weight=row_weight
            )
            normalizer = self._normalizer(reduction, avg_factor, pred)
            if self.training:
                self.add_statistics(torch.cat(sums).float() * (self.loss_weight / normalizer))
            if reduction == 'none':
                each = self._definition(logits, labels, iou, focus)
                each = each if row_weight is None else each * row_weight[:, None]
                return self.loss_weight * (each.sum(1) if self.sums_columns else each)
            total = loss.sum() if row_weight is None else loss @ row_weight
            return self.loss_weight * (total / normalizer)

    def _normalizer(self, reduction: str, avg_factor: AvgFactor, pred: Tensor) -> float | Tensor:
        if reduction != 'mean':
            return 1.0
        if avg_factor is None:
            return max(len(pred) if self.sums_columns else pred.numel(), 1)
        return avg_factor

    def _alpha(self) -> float | None:
        return None

    def _definition(self, logits: Tensor, labels: Tensor, iou: Tensor | None, focus: Tensor) -> Tensor:
        raise NotImplementedError

    def apply_statistics(self, values: Tensor) -> None:
        """Add (2 C,) gradients, of positives then of negatives."""
        pos_grad, neg_grad = values.chunk(2)
        self.pos_grad += pos_grad
        self.neg_grad += neg_grad

    def extra_repr(self) -> str:
        """Return the arguments for `print(model)`."""
        return f'num_classes={self.num_classes}, gamma={self.gamma}, scale={self.scale}'


class EFL(EqualizedFocalLoss):
    """Equalized focal loss (Li et al., CVPR 2022), for `loss_cls` of any mmdet dense head.

    alpha_t (gamma_j / gamma) (1 - p_t)^gamma_j (-ln p_t); where all classes are balanced it is the focal loss. The
    authors' scale is 8 for RetinaNet-like heads and 4 for YOLOX. The rest is said at `EqualizedFocalLoss`.

    Args:
        num_classes: classes C.
        use_sigmoid: True; mmdet's heads look for it in the config, so write it there.
        gamma: focusing parameter of a balanced class.
        alpha: weight of positives; negatives weigh 1 - alpha.
        scale: how much more an unbalanced class focuses.
        reduction: 'mean', 'sum' or 'none' (A, C).
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: a value out of range.
    """

    def __init__(
        self,
        num_classes: int,
        use_sigmoid: bool = True,
        gamma: float = 2.0,
        alpha: float = 0.25,
        scale: float = 8.0,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, use_sigmoid, gamma, scale, reduction, loss_weight)
        self.alpha = probability('alpha', alpha)

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: AvgFactor = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Return the reduced loss; in training mode then count the gradients.

        Args:
            pred: (A, C) logits, any float dtype; half precision is computed in float32.
            target: (A,) int64 in [0, C], C = background.
            weight: (A,) factor per anchor; 0 for ignored ones, which are not counted either.
            avg_factor: what 'mean' divides by; by default A C, as in mmdet.
            reduction_override: takes the place of `reduction` for this call.

        Returns:
            A scalar, or (A, C) for reduction 'none'.
        """
        return self._loss(pred, target, None, weight, avg_factor, reduction_override)

    def _alpha(self) -> float | None:
        return self.alpha

    def _definition(self, logits: Tensor, labels: Tensor, iou: Tensor | None, focus: Tensor) -> Tensor:
        return efl_loss(logits, labels, focus, gamma=self.gamma, alpha=self.alpha)


class EQFL(EqualizedFocalLoss):
    """Equalized quality focal loss (Li et al., CVPR 2022), where mmdet's `QualityFocalLoss` goes.

    (gamma_j / gamma) |q - p|^gamma_j BCE(x, q), q the IoU of a positive in the label's column and 0 elsewhere; where
    all classes are balanced it is the quality focal loss. The authors' scale is 8, and 4 for YOLOX. Arguments are those
    of `EqualizedFocalLoss`; reduction 'none' gives (A,).
    """

    sums_columns = True

    def forward(
        self,
        pred: Tensor,
        target: tuple[Tensor, Tensor],
        weight: Tensor | None = None,
        avg_factor: AvgFactor = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Return the reduced loss; in training mode then count the gradients.

        Args:
            pred: (A, C) logits, any float dtype; half precision is computed in float32.
            target: (A,) int64 labels in [0, C], C = background, and (A,) qualities in [0, 1].
            weight: (A,) factor per anchor; 0 for ignored ones, which are not counted either.
            avg_factor: what 'mean' divides by; by default A, as in mmdet.
            reduction_override: takes the place of `reduction` for this call.

        Returns:
            A scalar, or (A,) for reduction 'none'.
        """
        labels, iou = target
        return self._loss(pred, labels, iou, weight, avg_factor, reduction_override)

    def _definition(self, logits: Tensor, labels: Tensor, iou: Tensor | None, focus: Tensor) -> Tensor:
        assert iou is not None
        return eqfl_loss(logits, labels, iou, focus, gamma=self.gamma)
