"""Everything that has to happen before mmdet is imported."""

from __future__ import annotations

from .checkpoint import allow_mmengine_checkpoints
from .mmcv_ext import install_mmcv_ops
from .versions import check_versions


def install() -> None:
    """Check the versions, provide mmcv's ops, allow mmengine's checkpoints; calling it again changes nothing.

    Raises:
        ImportError: a package is missing.
        RuntimeError: a package is there in an unsupported version.
    """
    check_versions()
    install_mmcv_ops()
    allow_mmengine_checkpoints()
