"""The methods themselves: pure torch functions of logits, labels and per-class tables."""

from .class_relative import class_relative_link, class_relative_loss
from .drop_loss import drop_loss, drop_rate_mu, mu_of_counts, tail_counts
from .eql import eql_loss
from .eqlv2 import eqlv2_loss, eqlv2_weights
from .foreground import split_foreground
from .gumbel import gumbel_loss
from .label_linear import label_linear
from .links import Gumbel, Link, Normal, Sigmoid
from .mask_paste import paste_runs
from .nms import best_candidates, first_survivors, spread_classes, suppress_within_classes
from .run_length import encode_runs
from .seesaw import seesaw_loss, seesaw_shift
from .sigmoid_ce import sigmoid_ce_loss

__all__ = [
    'Gumbel',
    'Link',
    'Normal',
    'Sigmoid',
    'best_candidates',
    'class_relative_link',
    'class_relative_loss',
    'drop_loss',
    'drop_rate_mu',
    'encode_runs',
    'eql_loss',
    'eqlv2_loss',
    'eqlv2_weights',
    'first_survivors',
    'gumbel_loss',
    'label_linear',
    'mu_of_counts',
    'paste_runs',
    'seesaw_loss',
    'seesaw_shift',
    'sigmoid_ce_loss',
    'split_foreground',
    'spread_classes',
    'suppress_within_classes',
    'tail_counts',
]
