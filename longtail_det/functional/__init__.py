"""The methods themselves: pure torch functions of logits, labels and per-class tables."""

from .foreground import split_foreground
from .seesaw import seesaw_loss, seesaw_shift

__all__ = [
    'seesaw_loss',
    'seesaw_shift',
    'split_foreground',
]
