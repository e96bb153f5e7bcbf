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

ROOT = Path(__file__).parents[1]
TEST_TOOLS = ('pytest', 'pytest-xdist', 'hypothesis')
ABSENT = ('mmengine', 'mmcv', 'mmdet', 'torchvision', 'lvis', 'cv2', 'yaml')


def core_requirements() -> tuple[str, ...]:
    """Names of the distributions that the package requires without extras."""
    lines = (ROOT / 'requirements/runtime.txt').read_text().splitlines()
    return tuple(Requirement(line).name for line in lines if line and line[0] != '#')


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


def make_environment(folder: Path, names: tuple[str, ...]) -> Path:
    """Make an environment with these distributions of this one, and return its python; nothing of ABSENT is there.

    They are links: whoever lets pip install something there gives it --no-deps, or it may write into this environment.
    """
    venv.create(folder, symlinks=True)
    python = folder / 'bin/python'
    (site_packages,) = folder.glob('lib/*/site-packages')
    link(with_requirements(names), site_packages)
    check = f'from importlib.util import find_spec; assert not [name for name in {ABSENT} if find_spec(name)]'
    subprocess.run([python, '-I', '-c', check], check=True)
    return python


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        python = make_environment(Path(folder), core_requirements() + TEST_TOOLS)
        environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
        return subprocess.run([python, '-m', 'pytest', *arguments], env=environment, cwd=ROOT).returncode


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
