"""Which versions of the packages below us are supported, and one clear line where others are found."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

_ORIGINAL = {
    'python': '>=3.10,<3.15',
    'numpy': '>=1.26,<3',
    'torch': '>=2.1',
    'mmengine': '>=0.10,<1',
    'mmcv': '>=2.0.1,<2.2',
    'mmdet': '>=3.3,<3.4',
}
_FORK = _ORIGINAL | {'torch': '>=2.4', 'mmengine': '>=0.10.8,<1', 'mmcv': '>=2.3,<2.4', 'mmdet': '>=3.4,<3.6'}
SUPPORTED = {'mmdetection': _ORIGINAL, 'onedl-mmdetection': _FORK}

# The fork comes first: where both claim an import name and version.py holds no number, the files are the fork's.
_DISTRIBUTIONS = {
    'mmengine': ('onedl-mmengine', 'mmengine', 'mmengine-lite'),
    'mmcv': ('onedl-mmcv', 'mmcv-lite', 'mmcv'),
    'mmdet': ('onedl-mmdetection', 'mmdet'),
}


def check_versions(found: Mapping[str, str | None] | None = None, *, fork: bool | None = None) -> None:
    """Raise where an installed version is not a supported one, before anything of mmdet is imported.

    Args:
        found: version of each package of `SUPPORTED` by import name, None where it is not installed; by default
            what this interpreter finds.
        fork: whether a distribution of the maintained fork is installed, which decides what to recommend when no
            mmdet is there; by default what this interpreter finds.

    Raises:
        ImportError: a package is missing.
        RuntimeError: a package is there in an unsupported version.
    """
    found = installed_versions() if found is None else found
    fork = is_fork_installed() if fork is None else fork
    stack = _stack_of(found['mmdet'], fork)
    wrong = [name for name, wanted in SUPPORTED[stack].items() if not _is_supported(found[name], wanted)]
    if not wrong:
        return
    problems = '; '.join(_problem(name, found[name], stack) for name in wrong)
    line = f'longtail_det: {problems}. {_advice(wrong, found, stack)}'
    if any(found[name] is None for name in wrong):
        raise ImportError(line)
    raise RuntimeError(line)


def installed_versions() -> dict[str, str | None]:
    """Return the versions of this interpreter's packages without importing them; None where one is not installed."""
    packages = [name for name in _ORIGINAL if name != 'python']
    return {'python': platform.python_version(), **{name: _version_of(name) for name in packages}}


def is_fork_installed() -> bool:
    """Return whether a distribution of the maintained fork (onedl-*) is installed."""
    return any(_distribution_version(names[:1]) for names in _DISTRIBUTIONS.values())


def compiled_mmcv_command() -> str:
    """Return the shell command that puts the compiled mmcv in place of the installed one."""
    if is_fork_installed():
        return "pip install --force-reinstall --no-deps --no-build-isolation --no-cache-dir 'onedl-mmcv>=2.3,<2.4'"
    return f"pip uninstall -y mmcv-lite && pip install --no-build-isolation 'mmcv{_ORIGINAL['mmcv']}'"


def _stack_of(mmdet: str | None, fork: bool) -> str:
    if mmdet is not None:
        # the original ended at 3.3.0, so a later number can only be the fork's
        fork = Version(mmdet).release >= (3, 4)
    return 'onedl-mmdetection' if fork else 'mmdetection'


def _is_supported(version: str | None, wanted: str) -> bool:
    # base_version: vendors' builds are called 2.1.0a0+81ea7a4 and are 2.1.0 to us
    return version is not None and SpecifierSet(wanted).contains(Version(version).base_version)


def _problem(name: str, version: str | None, stack: str) -> str:
    supported = SUPPORTED[stack][name]
    if name == 'mmdet':
        supported = f'mmdet {_ORIGINAL[name]} or onedl-mmdetection {_FORK[name]}'
    elif name in _DISTRIBUTIONS:
        supported += f' with {stack}'
    return f'{name} {"is not installed" if version is None else version} (supported: {supported})'


def _advice(wrong: list[str], found: Mapping[str, str | None], stack: str) -> str:
    steps = ['use Python 3.10 to 3.14'] if 'python' in wrong else []
    packages = [name for name in wrong if name != 'python']
    if packages:
        wanted = ' '.join(f"'{_distribution(name, stack)}{SUPPORTED[stack][name]}'" for name in packages)
        steps.append(f'pip install {wanted}')
    if 'mmcv' in wrong and found['mmcv'] is not None:
        # mmcv, mmcv-lite and the fork's own write the same files
        steps.insert(-1, 'pip uninstall -y mmcv mmcv-lite onedl-mmcv')
    return 'To fix: ' + ' && '.join(steps)


def _distribution(name: str, stack: str) -> str:
    names = _DISTRIBUTIONS.get(name, (name,))
    return names[0] if stack.startswith('onedl') or len(names) == 1 else names[1]


def _version_of(package: str) -> str | None:
    module = sys.modules.get(package)
    if module is not None and hasattr(module, '__version__'):
        return str(module.__version__)
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return _literal_version(Path(spec.origin).parent / 'version.py') or _distribution_version(
        _DISTRIBUTIONS.get(package, (package,)), default='0+unknown'
    )


def _literal_version(path: Path) -> str | None:
    if not path.is_file():
        return None
    match = re.search(r"""^__version__\s*(?::\s*\w+\s*)?=\s*['"]([^'"]+)""", path.read_text(), re.MULTILINE)
    return match and match[1]


def _distribution_version(names: tuple[str, ...], default: str | None = None) -> str | None:
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return default
