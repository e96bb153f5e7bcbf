"""RoI classification losses as modules: options, state and reduction. `longtail_det.models` registers them."""

from .acsl import ACSL
from .base import RoIClassificationLoss
from .class_relative_activations import ClassRelativeActivations
from .class_tables import NeedsClassStatistics, NeedsClassTable
from .drop_loss import DropLoss
from .ebl import EBL
from .ecm_loss import ECMLoss
from .eql import EQL
from .eqlv2 import EQLv2
from .fed_loss import FedLoss
from .group_softmax import GroupSoftmax
from .gumbel_ce import GumbelCE
from .iif_loss import IIFLoss
from .logit_adjusted_ce import LogitAdjustedCE
from .seesaw_loss import SeesawLoss
from .sigmoid_ce import SigmoidCE
from .statistics_sync import SyncedStatistics

#: what a box head can name as its `loss_cls`
ROI_LOSSES = (
    ACSL,
    ClassRelativeActivations,
    DropLoss,
    EBL,
    ECMLoss,
    EQL,
    EQLv2,
    FedLoss,
    GroupSoftmax,
    GumbelCE,
    IIFLoss,
    LogitAdjustedCE,
    SeesawLoss,
    SigmoidCE,
)

__all__ = [
    'ACSL',
    'EBL',
    'EQL',
    'ROI_LOSSES',
    'ClassRelativeActivations',
    'DropLoss',
    'ECMLoss',
    'EQLv2',
    'FedLoss',
    'GroupSoftmax',
    'GumbelCE',
    'IIFLoss',
    'LogitAdjustedCE',
    'NeedsClassStatistics',
    'NeedsClassTable',
    'RoIClassificationLoss',
    'SeesawLoss',
    'SigmoidCE',
    'SyncedStatistics',
]
