"""Everything that has to happen before mmdet's models are imported."""

from __future__ import annotations

from contextlib import suppress

from .versions import check_versions


def install() -> None:
    """Check the versions, provide mmcv's ops, check checkpoints and make lvis run; calling it again is safe.

    Raises:
        ImportError: a package is missing.
        RuntimeError: a package is there in an unsupported version.
    """
    check_versions()
    # not before the check: these import mmcv and mmengine
    from mmengine.runner import checkpoint

    from .checkpoint import allow_mmengine_checkpoints
    from .logs import forward_logs
    from .lvis_api import import_lvis
    from .mmcv_ext import install_mmcv_ops
    from .mmengine_loaders import check_mmengine_loaders

    install_mmcv_ops()
    allow_mmengine_checkpoints()
    check_mmengine_loaders(checkpoint)
    forward_logs()
    # mmdet imports lvis in any case, so this takes no time; without lvis its metrics say that it is missing
    with suppress(ImportError):
        import_lvis()
