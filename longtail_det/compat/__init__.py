"""The only place that knows of versions: supported ranges, mmcv's ops on torchvision, safe checkpoints, lvis."""

from .bootstrap import install
from .versions import SUPPORTED, check_versions, installed_versions

__all__ = [
    'SUPPORTED',
    'check_versions',
    'install',
    'installed_versions',
]
