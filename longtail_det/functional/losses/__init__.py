"""The equations: one method, one file, unreduced functions of logits, labels and per-class tables."""

from .class_relative import class_relative_link, class_relative_loss
from .drop_loss import drop_loss, drop_rate_mu, mu_of_counts, tail_counts
from .eql import eql_loss
from .eqlv2 import eqlv2_loss, eqlv2_weights
from .gumbel import gumbel_loss
from .seesaw import seesaw_loss, seesaw_shift
from .sigmoid_ce import sigmoid_ce_loss

__all__ = [
    'class_relative_link',
    'class_relative_loss',
    'drop_loss',
    'drop_rate_mu',
    'eql_loss',
    'eqlv2_loss',
    'eqlv2_weights',
    'gumbel_loss',
    'mu_of_counts',
    'seesaw_loss',
    'seesaw_shift',
    'sigmoid_ce_loss',
    'tail_counts',
]
