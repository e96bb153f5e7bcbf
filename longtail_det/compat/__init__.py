"""The only place that knows of versions: supported ranges, mmcv's ops on torchvision, safe checkpoints, lvis."""

from .bootstrap import install
from .checkpoint import allow_mmengine_checkpoints, load_from_local
from .lvis_api import import_lvis
from .mmcv_ext import install_mmcv_ops
from .tracing import is_recording
from .versions import SUPPORTED, check_versions, installed_versions

__all__ = [
    'SUPPORTED',
    'allow_mmengine_checkpoints',
    'check_versions',
    'import_lvis',
    'install',
    'install_mmcv_ops',
    'installed_versions',
    'is_recording',
    'load_from_local',
]
