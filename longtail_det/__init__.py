"""Long-tailed detection and instance segmentation: a core for any detector, and everything by name in mmdetection 3.x.

In a config of mmdet: `custom_imports = dict(imports=['longtail_det'], allow_failed_imports=False)`. The core (`losses`,
`calibration`, `functional`, `sampling`, `statistics`, `annotations`, `evaluation`, `synthetic`, `visualization`,
`reports`) needs no mmdet; importing this package imports neither mmdet nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .compat.registration import register_with_mmdet
from .version import __version__

_ROOMS = (
    'annotations',
    'calibration',
    'cli',
    'compat',
    'datasets',
    'engine',
    'evaluation',
    'functional',
    'losses',
    'metrics',
    'models',
    'reports',
    'sampling',
    'statistics',
    'synthetic',
    'visualization',
)

register_with_mmdet()


def __getattr__(name: str) -> Any:
    """Import a room when it is first asked for."""
    if name in _ROOMS:
        return import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}; its rooms are {", ".join(_ROOMS)}')


__all__ = ['__version__']
