"""GroupSoftmax, the classifier loss of BAGS (Li et al., CVPR 2020)."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from longtail_det.checks import number, numbers
from longtail_det.functional.kernels import group_softmax_kernel
from longtail_det.functional.losses import group_scores, group_weights
from longtail_det.statistics import ClassStatistics

from .base import RoIClassificationLoss
from .class_tables import NeedsClassStatistics, OptionalStatistics


class GroupSoftmax(NeedsClassStatistics, RoIClassificationLoss):
    """Balanced group softmax (BAGS, Li et al., CVPR 2020): classes compete with their like.

    Classes are grouped by instance count. Columns: background, foreground; then for each group its "others" and its
    classes, ascending: C + len(bins) + 3. Each group has a softmax of its own. A group of classes learns from its own
    foreground RoIs and `others_ratio` times as many others, drawn in each call, and its loss is the mean over
    these; that of foreground and background is the mean over all RoIs. Scores at test: softmax in each group, classes
    times the score of foreground.

    Args:
        num_classes: foreground classes C.
        bins: instance counts at which a new group begins, ascending.
        others_ratio: RoIs of other classes that a group keeps for each of its own.
        class_statistics: counts of the training set (mapping, path or object); by default `ClassStatisticsHook`
            brings them. The groups are saved with the weights.
        reduction: 'mean', 'sum' or 'none'; the value of a RoI is such that the mean over RoIs is the loss above.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: bins that do not ascend, a negative ratio, or statistics of another number of classes.
        RuntimeError: used without class statistics.
    """

    group_size: Tensor
    target_table: Tensor
    column_of_class: Tensor

    def __init__(
        self,
        num_classes: int,
        bins: Sequence[int] = (10, 100, 1000),
        others_ratio: float = 8.0,
        class_statistics: OptionalStatistics = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.bins = numbers('bins', bins, low=0)
        if any(low >= high for low, high in itertools.pairwise(self.bins)):
            raise ValueError(f'bins={self.bins}; expected ascending instance counts such as (10, 100, 1000)')
        self.others_ratio = number('others_ratio', others_ratio, 0)
        num_groups = len(self.bins) + 2
        self.extra_channels = num_groups + 1
        self.register_buffer('group_size', torch.zeros(num_groups, dtype=torch.long))
        # the label inside each group, for each class and background
        self.register_buffer('target_table', torch.zeros(num_classes + 1, num_groups, dtype=torch.long))
        self.register_buffer('column_of_class', torch.zeros(num_classes, dtype=torch.long))
        self._sizes: list[int] | None = None
        self.init_statistics(class_statistics)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Form the groups, and log their sizes."""
        group = 1 + torch.bucketize(torch.tensor(stats.instance_count), torch.tensor(self.bins), right=True)
        size = torch.bincount(group, minlength=len(self.group_size)) + 1
        size[0] = 2
        self.group_size.copy_(size)
        self.target_table.zero_()
        self.target_table[:-1, 0] = 1
        for index in range(1, len(size)):
            members = (group == index).nonzero().squeeze(1)
            position = torch.arange(1, len(members) + 1)
            self.target_table[members, index] = position.to(self.target_table)
            self.column_of_class[members] = (size[:index].sum() + position).to(self.column_of_class)
        self._sizes = None
        logging.getLogger(__name__).info(f'GroupSoftmax: groups of {(size[1:] - 1).tolist()} classes')

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._sizes = None

    def sizes(self) -> list[int]:
        """Return the number of columns of each group; asking the buffer waits for the device, so only once."""
        self.require_table()
        if self._sizes is None:
            self._sizes = self.group_size.tolist()
        return self._sizes

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + len(bins) + 3) logits."""
        sizes, targets = self.sizes(), self.target_table[labels]
        draw = torch.rand(len(labels), len(sizes) - 1, device=labels.device)
        weight = group_weights(targets, draw, others_ratio=self.others_ratio)
        return group_softmax_kernel(logits, targets, weight, sizes)

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Return (N, C + 1) probabilities of (N, C + len(bins) + 3) logits."""
        return group_scores(cls_score, self.sizes(), self.column_of_class)
