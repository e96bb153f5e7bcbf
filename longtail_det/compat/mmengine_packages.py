"""What mmengine 0.10.7 and mmcv 2.1.0, their last releases, call and newer versions of Python and setuptools dropped.

`pkgutil.find_loader` left Python with 3.14; they call it to see whether mmcv's ops are there (optimizers, SyncBN).
`pkg_resources` left setuptools with 82; mmengine calls it to find the configs of another package (`mmdet::`).
"""

from __future__ import annotations

import pkgutil
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any


class _PkgutilWithFindLoader(ModuleType):
    """pkgutil as mmengine knew it: with `find_loader`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(pkgutil, name)

    @staticmethod
    def find_loader(name: str) -> Any:
        """Return the loader of a module; None where there is no such module."""
        spec = find_spec(name)
        return spec and spec.loader


def provide_find_loader(module: ModuleType) -> None:
    """Give a module that calls `pkgutil.find_loader` one that has it; on Python before 3.14 nothing changes.

    Args:
        module: it imports `pkgutil` under that name.
    """
    if not hasattr(pkgutil, 'find_loader'):
        module.pkgutil = _PkgutilWithFindLoader('pkgutil')  # type: ignore[attr-defined]


def provide_package_paths(module: ModuleType) -> None:
    """Let mmengine find installed packages by importlib; where `pkg_resources` is installed nothing changes.

    Args:
        module: `mmengine.utils.package_utils`, or a module that imported its functions.
    """
    if find_spec('pkg_resources') is None:
        module.is_installed = is_installed  # type: ignore[attr-defined]
        module.get_installed_path = get_installed_path  # type: ignore[attr-defined]


def is_installed(package: str) -> bool:
    """Return whether a distribution or a package of this name is installed."""
    return _folder(package) is not None


def get_installed_path(package: str) -> str:
    """Return the folder of a package.

    Args:
        package: name of a distribution (mmcv-lite) or of what one imports (mmcv).

    Raises:
        ModuleNotFoundError: there is none of this name.
    """
    folder = _folder(package)
    if folder is None:
        raise ModuleNotFoundError(f'{package} is not installed, or holds no package; pip install {package}')
    return folder


def _folder(package: str) -> str | None:
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None:
        try:
            tops = {
                file.parts[0] for file in files(package) or () if file.name == '__init__.py' and len(file.parts) == 2
            }
        except PackageNotFoundError:
            return None
        spec = next(filter(None, map(find_spec, sorted(tops))), None)
    return str(Path(spec.origin).parent) if spec is not None and spec.origin is not None else None
