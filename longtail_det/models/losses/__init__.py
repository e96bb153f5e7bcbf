"""RoI classification losses, registered in mmdet's MODELS."""

from .base import RoIClassificationLoss
from .seesaw_loss import SeesawLoss

__all__ = [
    'RoIClassificationLoss',
    'SeesawLoss',
]
