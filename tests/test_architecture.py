"""The house of the design: imports run one way, public names are documented, nothing is registered twice."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import longtail_det

PACKAGE = Path(longtail_det.__file__).parent
REPOSITORY = PACKAGE.parent

#: room -> rooms of ours it may import from, and packages outside the standard library where the room is in the core
CORE = {
    'functional': (set(), {'torch', 'numpy', 'pycocotools'}),
    'statistics': (set(), {'numpy'}),
    'annotations': ({'statistics'}, {'numpy', 'msgspec', 'filelock', 'tqdm', 'yaml'}),
    'losses': ({'annotations', 'functional', 'statistics'}, {'torch', 'numpy'}),
    'adapters': ({'functional', 'losses'}, {'torch', 'torchvision'}),
    'calibration': ({'functional', 'losses', 'statistics'}, {'torch', 'numpy'}),
    'sampling': ({'annotations', 'statistics'}, {'torch', 'numpy'}),
    'synthetic': ({'statistics'}, {'numpy', 'pycocotools', 'matplotlib', 'cv2', 'tqdm'}),
    'evaluation': ({'annotations', 'statistics'}, {'numpy', 'pycocotools', 'msgspec', 'cv2'}),
    'visualization': ({'annotations', 'evaluation', 'statistics'}, {'numpy', 'pycocotools', 'matplotlib', 'PIL'}),
}
MAY_IMPORT = {room: rooms for room, (rooms, _) in CORE.items()} | {
    'reports': {'annotations', 'evaluation', 'statistics', 'visualization'},
    'compat': set(),
    'models': {'annotations', 'calibration', 'compat', 'functional', 'losses', 'statistics'},
    'datasets': {'annotations', 'compat', 'sampling', 'statistics'},
    'metrics': {'annotations', 'compat', 'evaluation', 'functional', 'statistics'},
    'engine': {'annotations', 'calibration', 'compat', 'losses', 'models', 'sampling', 'statistics'},
}
MAY_IMPORT['cli'] = set(MAY_IMPORT)
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


def test_imports_run_downhill():
    wrong = []
    for path in module_files():
        room, *rest = path.relative_to(PACKAGE).parts
        if not rest:
            continue  # a file of the package's own may be used everywhere
        assert room in MAY_IMPORT, f'a new room: say in {__name__} and docs/architecture.md what {room} may import'
        for name in imported_modules(path):
            top, *inner = name.split('.')
            if top == 'longtail_det':
                is_room = inner and (PACKAGE / inner[0]).is_dir()
                allowed = not is_room or inner[0] in MAY_IMPORT[room] | {room}
            elif top in sys.stdlib_module_names or room not in CORE:
                allowed = top not in FORBIDDEN_EVERYWHERE
            else:
                allowed = top in CORE[room][1]
            if not allowed:
                wrong.append(f'{path.relative_to(PACKAGE)} imports {name}')
    assert not wrong


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


def test_public_names_are_documented():
    wrong = []
    for name, item in public_names():
        doc = inspect.getdoc(item) or ''
        if len(doc.split()) < 5:
            wrong.append(f'{name} needs a docstring')
        if inspect.isfunction(item):
            arguments = [p for p in inspect.signature(item).parameters.values() if p.kind is not p.VAR_KEYWORD]
            wrong += [f'{name} says nothing of its argument {p.name}' for p in arguments if p.name not in doc]
    assert not wrong


def test_every_package_lists_its_exports():
    for path in module_files():
        if path.name == '__init__.py' and path.parent != PACKAGE and imported_modules(path):
            assert '__all__' in path.read_text(), f'{path} has no __all__'


def test_importing_twice_is_harmless():
    importlib.reload(longtail_det)


def test_the_top_level_holds_what_the_design_lists():
    allowed = {
        'longtail_det', 'configs', 'tools', 'tests', 'data', 'docs',
        'requirements', 'setup.cfg', 'setup.py', 'pyproject.toml', 'MANIFEST.in',
        'README.md', 'LICENSE', 'CHANGELOG.md', 'CITATION.cff', 'model-index.yml',
        'mkdocs.yml', 'work_dirs', 'build', 'dist', 'longtail_det.egg-info',
    }  # fmt: skip
    found = {path.name for path in REPOSITORY.iterdir() if not path.name.startswith('.')}
    assert found <= allowed, f'not in the design: {sorted(found - allowed)}'
