"""Whether torch is recording a model, which knows tensors only."""

from __future__ import annotations

import torch

# torch before 2.7 does not say whether it exports; what is computed on demand cannot be exported there
_is_exporting = getattr(torch.compiler, 'is_exporting', lambda: False)


def is_recording() -> bool:
    """Return whether `torch.jit.trace` or `torch.export` is running the model: then nothing but tensors may come out.

    mmdet's get_flops and the ONNX exporter use one of them.
    """
    return torch.jit.is_tracing() or _is_exporting()
