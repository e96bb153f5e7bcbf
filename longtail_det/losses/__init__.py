"""RoI classification losses as modules: options, state and reduction. `longtail_det.models` registers them."""

from .acsl import ACSL
from .base import RoIClassificationLoss
from .class_relative_activations import ClassRelativeActivations
from .class_tables import NeedsClassStatistics, NeedsClassTable, OptionalStatistics
from .drop_loss import DropLoss
from .ebl import EBL
from .ecm_loss import ECMLoss
from .efl import EFL, EQFL
from .eql import EQL
from .eqlv2 import EQLv2
from .fcbl import FCBL
from .fed_loss import FedLoss
from .gap import GAP
from .group_softmax import GroupSoftmax
from .gumbel_ce import GumbelCE
from .iif_loss import IIFLoss
from .logit_adjusted_ce import LogitAdjustedCE
from .pcb import PCB
from .rank_sums import counting_modules, sync_statistics
from .score_parts import ScoreParts
from .seesaw_loss import SeesawLoss
from .sigmoid_ce import SigmoidCE
from .statistics_sync import SyncedStatistics
from .synced_rows import SyncedRows

#: what a box head can name as its `loss_cls`
ROI_LOSSES = (
    ACSL,
    FCBL,
    GAP,
    PCB,
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

#: what a dense head (RetinaNet, ATSS, GFL, ...) can name as its `loss_cls`
DENSE_LOSSES = (EFL, EQFL)

__all__ = [
    'ACSL',
    'DENSE_LOSSES',
    'EBL',
    'EFL',
    'EQFL',
    'EQL',
    'FCBL',
    'GAP',
    'PCB',
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
    'OptionalStatistics',
    'RoIClassificationLoss',
    'ScoreParts',
    'SeesawLoss',
    'SigmoidCE',
    'SyncedRows',
    'SyncedStatistics',
    'counting_modules',
    'sync_statistics',
]
