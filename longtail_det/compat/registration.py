"""Puts our modules into mmdet's registries, whichever of the two is imported first."""

from __future__ import annotations

import warnings
from types import ModuleType

import wrapt

#: registry of mmdet -> the room of ours that registers in it
_LOCATIONS = {
    'MODELS': 'longtail_det.models',
    'DATASETS': 'longtail_det.datasets',
    'DATA_SAMPLERS': 'longtail_det.datasets',
    'TRANSFORMS': 'longtail_det.datasets',
    'HOOKS': 'longtail_det.engine',
    'METRICS': 'longtail_det.metrics',
}
_CALL_FIND_LOADER = ('mmengine.utils.dl_utils.misc', 'mmcv.utils.ext_loader')
_CALL_PKG_RESOURCES = ('mmengine.utils.package_utils', 'mmengine.utils', 'mmengine.config.config', 'mmengine.hub.hub')


def register_with_mmdet() -> None:
    """Register as soon as mmdet is imported, at once if it is already; import nothing of it.

    A registry of mmengine imports its locations when it is first asked for a name. Ours are added behind those of
    mmdet, so no import order matters, and a process that never asks pays nothing.
    """
    wrapt.register_post_import_hook(_provide_ops, 'mmcv')
    wrapt.register_post_import_hook(_check_loaders, 'mmengine.runner.checkpoint')
    for name in _CALL_FIND_LOADER:
        wrapt.register_post_import_hook(_provide_find_loader, name)
    for name in _CALL_PKG_RESOURCES:
        wrapt.register_post_import_hook(_provide_package_paths, name)
    wrapt.register_post_import_hook(_quiet_decode, 'pycocotools.mask')
    wrapt.register_post_import_hook(_prepare, 'mmdet')
    wrapt.register_post_import_hook(_add_locations, 'mmdet.registry')


def _provide_ops(mmcv: ModuleType) -> None:
    from .mmcv_ext import install_mmcv_ops

    install_mmcv_ops()


def _check_loaders(checkpoint: ModuleType) -> None:
    # before anything can be loaded, also where mmdet is never imported
    from .mmengine_loaders import check_mmengine_loaders

    check_mmengine_loaders(checkpoint)


def _provide_find_loader(module: ModuleType) -> None:
    from .mmengine_packages import provide_find_loader

    provide_find_loader(module)


def _provide_package_paths(module: ModuleType) -> None:
    from .mmengine_packages import provide_package_paths

    provide_package_paths(module)


def _quiet_decode(mask: ModuleType) -> None:
    # numpy 2 says at each decoded mask what pycocotools 2.0.11 has to change; nobody else can
    warnings.filterwarnings('ignore', '__array__ implementation', DeprecationWarning, r'pycocotools\.mask')


def _prepare(mmdet: ModuleType) -> None:
    from .bootstrap import install

    install()


def _add_locations(registry: ModuleType) -> None:
    for name, location in _LOCATIONS.items():
        node = getattr(registry, name)
        if location not in node._locations:
            node._locations.append(location)
            # where mmdet's own locations are imported already, ask for all of them again: those are there by now
            node._imported = False
