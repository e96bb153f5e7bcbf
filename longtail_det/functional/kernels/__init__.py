"""The fast path of some definitions: losses that bring their own gradient, in blocks of rows, summed over columns.

Under `torch.compile`, and in a backward pass with `create_graph=True`, each takes its definition.
"""

from .focal import focal_kernel
from .foreground import split_foreground
from .fused import is_compiling, row_blocks, selects_rows
from .losses import (
    acsl_kernel,
    class_relative_kernel,
    drop_kernel,
    ecm_kernel,
    eql_kernel,
    eqlv2_kernel,
    fcbl_kernel,
    fed_columns_kernel,
    fed_sample,
    gumbel_kernel,
    seesaw_kernel,
    sigmoid_ce_kernel,
)
from .ranking import gap_kernel
from .softmax import ebl_kernel, group_softmax_kernel, logit_adjusted_kernel, pcb_softmax_kernel

__all__ = [
    'acsl_kernel',
    'class_relative_kernel',
    'drop_kernel',
    'ebl_kernel',
    'ecm_kernel',
    'eql_kernel',
    'eqlv2_kernel',
    'fcbl_kernel',
    'fed_columns_kernel',
    'fed_sample',
    'focal_kernel',
    'gap_kernel',
    'group_softmax_kernel',
    'gumbel_kernel',
    'is_compiling',
    'logit_adjusted_kernel',
    'pcb_softmax_kernel',
    'row_blocks',
    'seesaw_kernel',
    'selects_rows',
    'sigmoid_ce_kernel',
    'split_foreground',
]
