"""The house of the design: imports run one way, public names are documented, nothing is registered twice."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import longtail_det

PACKAGE = Path(longtail_det.__file__).parent
REPOSITORY = PACKAGE.parent

#: room -> rooms of ours it may import from; itself is always allowed
MAY_IMPORT = {
    'compat': set(),
    'functional': set(),
    'statistics': set(),
    'losses': {'functional', 'statistics', 'annotations'},
    'sampling': {'statistics'},
    'models': {'compat', 'losses', 'functional', 'statistics'},
    'datasets': {'annotations', 'compat', 'sampling', 'statistics'},
    'annotations': {'statistics'},
    'evaluation': {'annotations', 'statistics'},
    'metrics': {'annotations', 'compat', 'evaluation', 'functional', 'statistics'},
    'engine': {'compat', 'models', 'losses', 'sampling', 'statistics'},
    'calibration': {'functional', 'statistics'},
    'visualization': {'evaluation', 'statistics'},
    'reports': {'visualization', 'evaluation', 'annotations', 'statistics'},
    'cli': {'reports', 'visualization', 'metrics', 'evaluation', 'datasets', 'annotations', 'statistics', 'compat'},
}
#: what a pure room may import from outside the standard library
PURE = {
    'functional': {'torch', 'numpy', 'pycocotools'},
    'losses': {'torch'},
    'sampling': {'torch', 'numpy'},
    'statistics': {'numpy'},
    'annotations': {'numpy', 'tqdm'},
    'evaluation': {'numpy', 'pycocotools', 'cv2'},
}
FORBIDDEN_EVERYWHERE = {'tools', 'configs', 'tests'}


def module_files() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob('*.py')) if '.mim' not in path.parts]


def imported_modules(path: Path) -> list[str]:
    """Absolute names of everything a file imports, wherever in the file."""
    package = ['longtail_det', *path.relative_to(PACKAGE).parent.parts]
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = '.'.join([*base, *(node.module or '').split('.')]).strip('.')
            names += [f'{stem}.{alias.name}' for alias in node.names] if stem == 'longtail_det' else [stem]
    return names


@pytest.mark.parametrize('path', module_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downhill(path):
    parts = path.relative_to(PACKAGE).parts
    if len(parts) == 1:
        return  # the package's own __init__ opens every room
    room = parts[0]
    assert room in MAY_IMPORT, f'a new room: say in {__name__} what {room} may import'
    for name in imported_modules(path):
        top, *rest = name.split('.')
        assert top not in FORBIDDEN_EVERYWHERE, f'{path} imports {name}'
        if top == 'longtail_det' and rest and rest[0] not in ('files', 'version'):
            assert rest[0] in MAY_IMPORT[room] | {room}, f'{room} may not import {name}'
        elif room in PURE and top != 'longtail_det' and top not in __import__('sys').stdlib_module_names:
            assert top in PURE[room], f'{room} is pure {PURE[room]}; it imports {name}'


def public_names() -> list[tuple[str, object]]:
    found = {}
    for info in pkgutil.walk_packages([str(PACKAGE)], 'longtail_det.'):
        if '.mim' in info.name:
            continue
        module = importlib.import_module(info.name)
        for name in getattr(module, '__all__', []):
            item = getattr(module, name)
            if inspect.isclass(item) or inspect.isfunction(item):
                found[f'{item.__module__}.{name}'] = item
    return sorted(found.items())


@pytest.mark.parametrize(('name', 'item'), public_names(), ids=[name for name, _ in public_names()])
def test_public_names_are_documented(name, item):
    doc = inspect.getdoc(item) or ''
    assert len(doc.split()) >= 5, f'{name} needs a docstring'
    arguments = [p for p in inspect.signature(item).parameters.values() if p.kind is not p.VAR_KEYWORD]
    if inspect.isfunction(item) and arguments:
        undocumented = [p.name for p in arguments if p.name not in doc]
        assert not undocumented, f'{name} says nothing of its arguments {undocumented}'


def test_every_package_lists_its_exports():
    for path in module_files():
        if path.name == '__init__.py' and len(path.relative_to(PACKAGE).parts) > 1:
            assert '__all__' in path.read_text(), f'{path} has no __all__'


def test_importing_twice_is_harmless():
    importlib.reload(longtail_det)


def test_the_top_level_holds_what_the_design_lists():
    allowed = {
        'longtail_det', 'configs', 'tools', 'tests', 'data', 'docs',
        'requirements', 'setup.cfg', 'setup.py', 'pyproject.toml',
        'README.md', 'LICENSE', 'CHANGELOG.md', 'CITATION.cff', 'model-index.yml',
        'work_dirs', 'build', 'dist', 'longtail_det.egg-info',
    }  # fmt: skip
    found = {path.name for path in REPOSITORY.iterdir() if not path.name.startswith('.')}
    assert found <= allowed, f'not in the design: {sorted(found - allowed)}'
