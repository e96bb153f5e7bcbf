"""The definitions: one method, one file, plain torch, differentiable any number of times.

Shapes: N RoIs, C foreground classes, K columns of the classifier (C, C + 1 or C + 2). A loss of independent columns is
unreduced, (N, K); a softmax has one term for each RoI, (N,). Labels are in [0, C], C is background.
"""

from .acsl import acsl_kept, acsl_loss
from .binary_cross_entropy import binary_cross_entropy, one_hot
from .class_relative import class_relative_activation, class_relative_loss
from .drop_loss import drop_loss, drop_rate_mu, dropped_terms, tail_counts
from .ebl import ebl_loss, ebl_update, mean_of_objects, own_scores
from .ecm import ecm_loss, ecm_tables
from .efl import efl_focus, efl_loss, eqfl_loss
from .eql import eql_loss
from .eqlv2 import eqlv2_loss, eqlv2_weights
from .fcbl import fcbl_least_logit, fcbl_loss, fcbl_margin
from .fed_loss import fed_classes, fed_loss
from .gap import gap_loss, gap_relation
from .group_softmax import group_scores, group_softmax_loss, group_weights
from .gumbel import gumbel_loss
from .iif import iif_factor, iif_loss
from .logit_adjusted import log_share, logit_adjusted_loss
from .pcb import (
    eqlv2_soft_loss,
    pcb_cross_entropy_term,
    pcb_soft_target,
    pcb_softmax_loss,
    pcb_softmax_term,
    pcb_update,
)
from .seesaw import seesaw_loss, seesaw_shift
from .sigmoid_ce import sigmoid_ce_loss

__all__ = [
    'acsl_kept',
    'acsl_loss',
    'binary_cross_entropy',
    'class_relative_activation',
    'class_relative_loss',
    'drop_loss',
    'drop_rate_mu',
    'dropped_terms',
    'ebl_loss',
    'ebl_update',
    'ecm_loss',
    'ecm_tables',
    'efl_focus',
    'efl_loss',
    'eqfl_loss',
    'eql_loss',
    'eqlv2_loss',
    'eqlv2_soft_loss',
    'eqlv2_weights',
    'fcbl_least_logit',
    'fcbl_loss',
    'fcbl_margin',
    'fed_classes',
    'fed_loss',
    'gap_loss',
    'gap_relation',
    'group_scores',
    'group_softmax_loss',
    'group_weights',
    'gumbel_loss',
    'iif_factor',
    'iif_loss',
    'log_share',
    'logit_adjusted_loss',
    'mean_of_objects',
    'one_hot',
    'own_scores',
    'pcb_cross_entropy_term',
    'pcb_soft_target',
    'pcb_softmax_loss',
    'pcb_softmax_term',
    'pcb_update',
    'seesaw_loss',
    'seesaw_shift',
    'sigmoid_ce_loss',
    'tail_counts',
]
