"""FedLoss (Zhou et al., 2021): binary cross entropy over the batch's classes and a few drawn ones."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail_det.checks import number, whole
from longtail_det.functional import Sigmoid
from longtail_det.functional.kernels import fed_columns_kernel, fed_sample, selects_rows
from longtail_det.functional.losses import fed_classes, fed_loss
from longtail_det.statistics import ClassStatistics

from .activation_loss import ActivationLoss
from .base import AvgFactor, reduce_loss
from .class_tables import NeedsClassStatistics, OptionalStatistics


class FedLoss(NeedsClassStatistics, ActivationLoss):
    """Federated loss of CenterNet2 and Detic (Zhou et al., 2021).

    In each call the classes of the batch's RoIs (background counts as one of them) are filled up to `num_sampled` by
    a draw without replacement, with probability proportional to image_count ** power. The loss is the binary cross
    entropy of these columns; every other column weighs 0. Each rank, and each stage of a cascade, draws its own.
    Scores at test are sigmoids of all C columns.

    `LongTailBBoxHead(cls_on_demand=True)` computes the logits of the drawn columns only, so that a training step
    does not grow with the number of classes. CenterNet2 and Detic start at `prior_prob=0.01`, detectron2's own head
    at bias 0.

    Args:
        num_classes: foreground classes C.
        num_sampled: columns of a step, where the batch does not hold more classes.
        power: exponent of the image counts in the probability of a draw.
        class_statistics: counts of the training set (mapping, path or object); by default `ClassStatisticsHook`
            brings them.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: a value out of range, or statistics of another number of classes.
        RuntimeError: used without class statistics.
    """

    extra_channels = 0
    activation = Sigmoid()
    draw_weight: Tensor

    def __init__(
        self,
        num_classes: int,
        num_sampled: int = 50,
        power: float = 0.5,
        class_statistics: OptionalStatistics = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.num_sampled = whole('num_sampled', num_sampled, 2)
        self.power = number('power', power, 0)
        self.register_buffer('draw_weight', torch.zeros(num_classes))
        self.init_statistics(class_statistics)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store image_count ** power; a class without images is never drawn."""
        count = torch.tensor(stats.image_count, dtype=torch.float64)
        self.draw_weight.copy_(torch.where(count > 0, count**self.power, 0.0))

    def sample_classes(self, labels: Tensor) -> Tensor:
        """Select the columns of a step.

        Args:
            labels: (N,) int64 in [0, C], C = background.

        Returns:
            (K,) int64, ascending; all foreground classes of `labels` are among them.
        """
        return fed_sample(labels, self.draw_weight, self._noise(), num_sampled=self.num_sampled)

    def _noise(self) -> Tensor:
        self.require_table()
        return self.draw_weight.new_empty(self.num_classes + 1).exponential_()

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C) logits."""
        if not selects_rows(logits):
            sampled = fed_classes(labels, self.draw_weight, self._noise(), num_sampled=self.num_sampled)
            return fed_loss(logits, labels, sampled).sum(1)
        classes = self.sample_classes(labels)
        return fed_columns_kernel(logits.index_select(1, classes), labels, classes, num_classes=self.num_classes)

    def loss_of_columns(
        self,
        cls_score: Tensor,
        label: Tensor,
        classes: Tensor,
        weight: Tensor | None = None,
        avg_factor: AvgFactor = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Return the reduced loss where only the drawn columns were computed; `forward` computes it from all.

        Args:
            cls_score: (N, K) logits, any float dtype; half precision is computed in float32.
            label: (N,) int64 in [0, C], C = background.
            classes: (K,) int64 of `sample_classes(label)`, the class of each column.
            weight: (N,) factor per RoI.
            avg_factor: what 'mean' divides by; by default the number of RoIs.
            reduction_override: takes the place of `reduction` for this call.

        Returns:
            A scalar, or (N,) for reduction 'none'.
        """
        reduction = self._reduction(reduction_override, avg_factor)
        with torch.autocast(cls_score.device.type, enabled=False):
            logits = cls_score if cls_score.dtype == torch.float64 else cls_score.float()
            loss = fed_columns_kernel(logits, label, classes, num_classes=self.num_classes)
            return self.loss_weight * reduce_loss(loss, weight, reduction, avg_factor)

    def accuracy_of_columns(self, cls_score: Tensor, labels: Tensor, classes: Tensor) -> dict[str, Tensor]:
        """Return the accuracy of `get_accuracy` where the drawn classes are all there are.

        Args:
            cls_score: (N, K) logits.
            labels: (N,) int64 in [0, C], C = background.
            classes: (K,) int64, the class of each column.
        """
        column = torch.arange(self.num_classes + 1, device=labels.device)  # background stays C
        column[classes] = torch.arange(len(classes), device=labels.device)
        return self.get_accuracy(cls_score, column[labels])

    def extra_repr(self) -> str:
        """Return the arguments for `print(model)`."""
        return f'{super().extra_repr()}, num_sampled={self.num_sampled}, power={self.power}'
