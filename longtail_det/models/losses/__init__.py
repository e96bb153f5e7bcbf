"""RoI classification losses, registered in mmdet's MODELS."""

from .base import RoIClassificationLoss
from .class_relative_activations import ClassRelativeActivations
from .drop_loss import DropLoss
from .eql import EQL
from .eqlv2 import EQLv2
from .gumbel_ce import GumbelCE
from .seesaw_loss import SeesawLoss
from .sigmoid_ce import SigmoidCE
from .statistics_sync import SyncedStatistics

__all__ = [
    'EQL',
    'ClassRelativeActivations',
    'DropLoss',
    'EQLv2',
    'GumbelCE',
    'RoIClassificationLoss',
    'SeesawLoss',
    'SigmoidCE',
    'SyncedStatistics',
]
