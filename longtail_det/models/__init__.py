"""Models of ours; importing this registers them."""

from .losses import RoIClassificationLoss, SeesawLoss

__all__ = [
    'RoIClassificationLoss',
    'SeesawLoss',
]
