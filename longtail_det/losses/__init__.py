"""RoI classification losses as modules: options, state and reduction. `longtail_det.models` registers them."""

from .base import RoIClassificationLoss
from .class_relative_activations import ClassRelativeActivations
from .class_tables import NeedsClassStatistics, NeedsClassTable, OptionalStatistics
from .drop_loss import DropLoss
from .eql import EQL
from .eqlv2 import EQLv2
from .gumbel_ce import GumbelCE
from .score_parts import ScoreParts
from .seesaw_loss import SeesawLoss
from .sigmoid_ce import SigmoidCE
from .statistics_sync import SyncedStatistics

#: what a box head can name as its `loss_cls`
ROI_LOSSES = (ClassRelativeActivations, DropLoss, EQL, EQLv2, GumbelCE, SeesawLoss, SigmoidCE)

__all__ = [
    'EQL',
    'ROI_LOSSES',
    'ClassRelativeActivations',
    'DropLoss',
    'EQLv2',
    'GumbelCE',
    'NeedsClassStatistics',
    'NeedsClassTable',
    'OptionalStatistics',
    'RoIClassificationLoss',
    'ScoreParts',
    'SeesawLoss',
    'SigmoidCE',
    'SyncedStatistics',
]
