"""Run pytest where only the core's requirements and the test tools can be imported.

    python -m tests.core_environment tests/losses -x

The environment is a folder of links to the distributions of this environment; it takes a second to make.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

CORE = ('torch', 'numpy', 'pycocotools', 'matplotlib', 'msgspec', 'filelock', 'tqdm', 'wrapt', 'packaging')
TEST_TOOLS = ('pytest', 'pytest-xdist', 'hypothesis')
ABSENT = ('mmengine', 'mmcv', 'mmdet', 'torchvision', 'lvis', 'cv2')
ROOT = Path(__file__).parents[1]


def with_requirements(names: tuple[str, ...]) -> dict[str, Distribution]:
    """Distributions of these names, and of what they require here."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = distribution(name)
        requirements = map(Requirement, found[name].requires or ())
        waiting += [one.name for one in requirements if not one.marker or one.marker.evaluate({'extra': ''})]
    return found


def link(distributions: dict[str, Distribution], folder: Path) -> None:
    """Link the files and packages of distributions into a folder."""
    for one in distributions.values():
        for name in {file.parts[0] for file in one.files or ()} - {'..', '__pycache__'}:
            if not (folder / name).exists():
                (folder / name).symlink_to(one.locate_file(name))


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, symlinks=True)
        python = Path(folder, 'bin/python')
        (site_packages,) = Path(folder).glob('lib/*/site-packages')
        link(with_requirements(CORE + TEST_TOOLS), site_packages)
        environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
        check = f'from importlib.util import find_spec; assert not [name for name in {ABSENT} if find_spec(name)]'
        subprocess.run([python, '-c', check], env=environment, cwd=ROOT, check=True)
        return subprocess.run([python, '-m', 'pytest', *arguments], env=environment, cwd=ROOT).returncode


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
