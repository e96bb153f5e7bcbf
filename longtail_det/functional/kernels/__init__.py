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
    fed_kernel,
    gumbel_kernel,
    seesaw_kernel,
    sigmoid_ce_kernel,
)
from .ranking import gap_kernel

__all__ = [
    'acsl_kernel',
    'class_relative_kernel',
    'drop_kernel',
    'ecm_kernel',
    'eql_kernel',
    'eqlv2_kernel',
    'fcbl_kernel',
    'fed_columns_kernel',
    'fed_kernel',
    'focal_kernel',
    'gap_kernel',
    'gumbel_kernel',
    'is_compiling',
    'row_blocks',
    'seesaw_kernel',
    'selects_rows',
    'sigmoid_ce_kernel',
    'split_foreground',
]
