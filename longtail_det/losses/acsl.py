"""ACSL (Wang et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from longtail_det.checks import number, numbers
from longtail_det.functional import Sigmoid
from longtail_det.functional.kernels import acsl_kernel
from longtail_det.functional.losses import acsl_kept
from longtail_det.statistics import ClassStatistics

from .activation_loss import ActivationLoss
from .class_tables import NeedsClassStatistics, OptionalStatistics


class ACSL(NeedsClassStatistics, ActivationLoss):
    """Adaptive class suppression loss (Wang et al., CVPR 2021).

    Binary cross entropy over C + 1 columns, of which few count. On a foreground RoI: the label's column, and every
    other one, background too, whose score reaches `score_thr`. On a background RoI: its own column; the frequent
    classes; and for the rare and the common classes only on a random share of the background RoIs, drawn in each
    call. Scores at test are plain sigmoids. The authors start from a trained baseline and train the classifier alone,
    with `prior_prob=0.01`.

    Args:
        num_classes: foreground classes C.
        score_thr: score at which a negative on a foreground RoI counts.
        bg_share: share of the background RoIs that count for rare, common and frequent classes.
        class_statistics: counts of the training set (mapping, path or object); by default `ClassStatisticsHook`
            brings them. Groups are by image count.
        reduction: 'mean', 'sum' or 'none'.
        loss_weight: factor on the reduced loss.

    Raises:
        ValueError: a value out of range, or statistics of another number of classes.
        RuntimeError: used without class statistics.
    """

    activation = Sigmoid()
    group: Tensor

    def __init__(
        self,
        num_classes: int,
        score_thr: float = 0.7,
        bg_share: Sequence[float] = (0.01, 0.1, 1.0),
        class_statistics: OptionalStatistics = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(num_classes, reduction, loss_weight)
        self.score_thr = number('score_thr', score_thr, above=0, below=1)
        self.bg_share = numbers('bg_share', bg_share, 3, low=0, high=1)
        # of the C + 1 columns: rare, common, frequent, background
        self.register_buffer('group', F.pad(torch.zeros(num_classes, dtype=torch.long), (0, 1), value=3))
        self.init_statistics(class_statistics)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store the frequency group of each class."""
        for index, members in enumerate(stats.groups.values()):
            self.group[torch.tensor(members)] = index

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return (N,) losses of (N, C + 1) logits."""
        self.require_table()
        draw = torch.rand(len(labels), 4, device=labels.device)
        kept = acsl_kept(labels, self.num_classes, draw, (*self.bg_share, 1.0))
        return acsl_kernel(logits, labels, kept, self.group, score_thr=self.score_thr)
