"""The methods as functions of tensors: `losses` the definitions, `kernels` their fast path, `ops` what is no loss."""

from .activations import Activation, ClassRelative, Gumbel, Normal, Sigmoid

__all__ = [
    'Activation',
    'ClassRelative',
    'Gumbel',
    'Normal',
    'Sigmoid',
]
