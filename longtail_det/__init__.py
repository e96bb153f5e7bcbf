"""Long-tailed instance segmentation for mmdetection 3.x; importing it registers everything by name.

In a config: `custom_imports = dict(imports=['longtail_det'], allow_failed_imports=False)`.
"""

from . import compat

compat.install()  # first: without compiled mmcv, mmdet can only be imported with our op backend in place

from . import datasets, engine, evaluation, models  # noqa: E402
from .version import __version__  # noqa: E402

__all__ = [
    '__version__',
    'compat',
    'datasets',
    'engine',
    'evaluation',
    'models',
]
