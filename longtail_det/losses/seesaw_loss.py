"""SeesawLoss as a module: mmdet's class of that name, value for value, without its C x C matrix."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from longtail_det.checks import number
from longtail_det.functional.kernels import seesaw_kernel, selects_rows, split_foreground

from .base import AvgFactor, RoIClassificationLoss, percent_correct, reduce_loss
from .score_parts import ScoreParts
from .statistics_sync import SyncedStatistics


class SeesawLoss(SyncedStatistics, RoIClassificationLoss):
    """Seesaw loss for long-tailed instance segmentation (Wang et al., CVPR 2021, arXiv:2008.10032).

    It takes the place of mmdet's class in the registry as a strict superset: same arguments, values, gradients,
    log keys and `state_dict`. Three things differ: the time and memory of a step do not grow with C squared, the
    sample counts move only in training mode, and counting needs no transfer to the host.

    The classifier has C + 2 columns: C class logits, then two of objectness (0 = foreground, 1 = background).
    Both parts are divided by the same `avg_factor` (all RoIs), as in the authors' code. Without a foreground RoI
    the class part is 0.

    Args:
        use_sigmoid: False; there only because mmdet's class has it.
        p: strength of the mitigation factor, 0 switches it off.
        q: strength of the compensation factor, 0 switches it off.
        num_classes: number of foreground classes C.
        eps: floor of the label's own score in the compensation factor.
        reduction: 'mean', 'sum' or 'none'; for 'none' the class part has one value per *foreground* RoI.
        loss_weight: factor on both parts.
        return_dict: give the two parts under `loss_cls_objectness` and `loss_cls_classes`, or their sum.
        sync: count the samples of all ranks: those of the others arrive after the iteration, by
            `StatisticsSyncHook`. By default each rank counts its own, as in the authors' code.

    Example:
        >>> loss = SeesawLoss(num_classes=3)
        >>> sorted(loss(torch.zeros(2, 5), torch.tensor([0, 3])))
        ['loss_cls_classes', 'loss_cls_objectness']
    """

    extra_channels = 2

    def __init__(
        self,
        use_sigmoid: bool = False,
        p: float = 0.8,
        q: float = 2.0,
        num_classes: int = 1203,
        eps: float = 1e-2,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
        return_dict: bool = True,
        sync: bool = False,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        if use_sigmoid:
            raise ValueError('SeesawLoss is a softmax loss; use_sigmoid=True does not exist, remove it')
        self.p = number('p', p, 0)
        self.q = number('q', q, 0)
        self.eps = number('eps', eps, above=0, high=1)
        self.return_dict = return_dict
        # background included, and float32, as mmdet's checkpoints have it
        self.register_buffer('cum_samples', torch.zeros(num_classes + 1))
        self.sync = sync
        self.init_pending(num_classes + 1 if sync else 0)

    cum_samples: Tensor

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor | None = None,
        weight: Tensor | None = None,
        avg_factor: AvgFactor = None,
        reduction_override: str | None = None,
        *,
        labels: Tensor | None = None,
        label_weights: Tensor | None = None,
    ) -> Tensor | dict[str, Tensor]:
        """Return both parts of the loss and, in training mode, count the labels first.

        Args:
            cls_score: (N, C + 2) logits; the next arguments are those of `RoIClassificationLoss`.
            label: needed here or as `labels`.
            weight: (N,) factor per RoI.
            avg_factor: what 'mean' divides both parts by; by default the number of RoIs of each part.
            reduction_override: takes the place of `reduction` for this call.
            labels: mmdet's name of `label`.
            label_weights: mmdet's name of `weight`.

        Returns:
            Two scalars by name, or their sum where `return_dict` is False.

        Raises:
            TypeError: no label, or both names of one argument.
        """
        label = _given_once(label=label, labels=labels)
        weight = _given_once(weight=weight, label_weights=label_weights)
        if label is None:
            raise TypeError('SeesawLoss got no label; give the labels of the RoIs as label (or labels, as mmdet does)')
        reduction = self._reduction(reduction_override, avg_factor)
        if self.training:
            self._count(label)
        with torch.autocast(cls_score.device.type, enabled=False):
            cls_score = self.check_logits(cls_score)
            select = selects_rows(cls_score) or reduction == 'none'
            class_part = self._selected_classes if select else self._masked_classes
            loss_classes, objectness_logits = class_part(cls_score, label, weight, reduction, avg_factor)
            objectness = F.cross_entropy(objectness_logits, self.objectness_label(label), reduction='none')
            loss_objectness = reduce_loss(objectness, weight, reduction, avg_factor)
        parts = {
            'loss_cls_objectness': self.loss_weight * loss_objectness,
            'loss_cls_classes': self.loss_weight * loss_classes,
        }
        return parts if self.return_dict else parts['loss_cls_objectness'] + parts['loss_cls_classes']

    def _count(self, label: Tensor) -> None:
        counts = torch.zeros_like(self.cum_samples).index_add_(0, label, self.cum_samples.new_ones(label.shape))
        if self.sync:
            self.add_statistics(counts)
        else:
            self.apply_statistics(counts)

    def apply_statistics(self, values: Tensor) -> None:
        """Add (C + 1,) sample counts."""
        self.cum_samples += values

    def _selected_classes(
        self, cls_score: Tensor, label: Tensor, weight: Tensor | None, reduction: str, avg_factor: AvgFactor
    ) -> tuple[Tensor, Tensor]:
        rows = (label < self.num_classes).nonzero().squeeze(1)
        class_logits, objectness_logits = split_foreground(cls_score, rows, self.num_classes)
        loss = self._seesaw(class_logits, label[rows])
        return reduce_loss(loss, None if weight is None else weight[rows], reduction, avg_factor), objectness_logits

    def _masked_classes(
        self, cls_score: Tensor, label: Tensor, weight: Tensor | None, reduction: str, avg_factor: AvgFactor
    ) -> tuple[Tensor, Tensor]:
        foreground = label < self.num_classes
        class_logits, objectness_logits = self.split_logits(cls_score)
        loss = self._seesaw(class_logits, label.clamp(max=self.num_classes - 1))
        factor = foreground.sum().clamp(min=1) if avg_factor is None else avg_factor
        return reduce_loss(torch.where(foreground, loss, 0.0), weight, reduction, factor), objectness_logits

    def _counts_so_far(self) -> Tensor:
        counts = self.cum_samples + self.pending_statistics() if self.sync else self.cum_samples
        return counts[: self.num_classes]

    def _seesaw(self, logits: Tensor, label: Tensor) -> Tensor:
        return seesaw_kernel(logits, label, self._counts_so_far(), p=self.p, q=self.q, eps=self.eps)

    def split_logits(self, cls_score: Tensor) -> tuple[Tensor, Tensor]:
        """Split (N, C + 2) logits into (N, C) of the classes and (N, 2) of objectness."""
        return cls_score[:, : self.num_classes], cls_score[:, self.num_classes :]

    def objectness_label(self, label: Tensor) -> Tensor:
        """Return (N,) int64, 0 for foreground and 1 for background RoIs."""
        return (label == self.num_classes).long()

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return (N, C + 1) probabilities of (N, C + 2) logits: of each class and foreground, then of background."""
        class_logits, objectness_logits = self.split_logits(cls_score)
        objectness = objectness_logits.softmax(dim=-1)
        return torch.cat([class_logits.softmax(dim=-1) * objectness[:, :1], objectness[:, 1:]], dim=1)

    def score_parts(self, cls_score: Tensor) -> ScoreParts:
        """Return the softmax over classes alone, and the two probabilities of objectness."""
        class_logits, objectness_logits = self.split_logits(cls_score)
        objectness = objectness_logits.softmax(dim=-1)
        no_background = class_logits.new_full((len(class_logits), 1), -torch.inf)
        return ScoreParts(torch.cat([class_logits, no_background], 1), True, objectness[:, :1], objectness[:, 1:])

    def get_accuracy(self, cls_score: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the percentage of right objectness over all RoIs, and of right classes over foreground RoIs."""
        class_logits, objectness_logits = self.split_logits(cls_score)
        return {
            'acc_objectness': percent_correct(objectness_logits, self.objectness_label(labels)),
            'acc_classes': percent_correct(class_logits, labels),
        }

    def extra_repr(self) -> str:
        """Return the arguments for `print(model)`."""
        return f'{super().extra_repr()}, p={self.p}, q={self.q}, eps={self.eps}'


def _given_once(**names: Tensor | None) -> Tensor | None:
    """Return an argument that has two names."""
    given = [name for name, value in names.items() if value is not None]
    if len(given) > 1:
        raise TypeError(f'SeesawLoss got {given[0]} and {given[1]}, two names of one argument; give one of them')
    return names[given[0]] if given else None
