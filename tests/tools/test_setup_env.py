"""setup_env.sh with a stand-in for python: what it installs, when it does nothing, what it says when it cannot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Answers as python would to the few questions that the script asks; FAKE_* variables make it fail.
FAKE_PYTHON = r"""#!/usr/bin/env bash
here=$(cd "$(dirname "$0")" && pwd)
echo "$*" >> "$FAKE_LOG"
case "$*" in
    *version_info*) echo "${FAKE_VERSION:-3.11}" ;;
    *sys.prefix*) dirname "$here" ;;
    *'import cv2'*)
        [ -z "${FAKE_CV2:-}" ] || { echo 'libGL.so.1: cannot open shared object file' >&2; exit 1; } ;;
    *'version("opencv-python")'*) echo 4.12.0.88 ;;
    '-m venv '*)
        mkdir -p "$3/bin" && touch "$3/pyvenv.cfg" && cp "$0" "$3/bin/python" ;;
    '-m pip install'*)
        sleep "${FAKE_SECONDS:-0}"
        case "$*" in *"${FAKE_FAILS_AT:-nothing}"*) printf '%b\n' "$FAKE_OUTPUT"; exit 1 ;; esac
        echo 'Installing collected packages: a, b' ;;
esac
"""


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder with what the script reads, and the stand-in at bin/python3."""
    root = tmp_path / 'check out'
    shutil.copytree(ROOT / 'requirements', root / 'requirements')
    shutil.copytree(ROOT / 'longtail_det/compat/startup', root / 'longtail_det/compat/startup')
    (root / 'tools').mkdir()
    for name in ('tools/setup_env.sh', 'pyproject.toml', 'setup.cfg', 'setup.py'):
        shutil.copy(ROOT / name, root / name)
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin/python3').write_text(FAKE_PYTHON)
    (tmp_path / 'bin/python3').chmod(0o755)
    return root


@pytest.fixture
def setup(checkout, tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Run the script of that checkout."""
    clean = {key: value for key, value in os.environ.items() if key not in ('VENV', 'PYTHON')}
    environment = {
        **clean,
        'PATH': f'{tmp_path / "bin"}:{os.environ["PATH"]}',
        'FAKE_LOG': str(tmp_path / 'calls.txt'),
    }

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
        (tmp_path / 'calls.txt').write_text('')
        return subprocess.run(
            [checkout / 'tools/setup_env.sh', *arguments],
            env={**environment, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def calls(tmp_path) -> Callable[[str], list[str]]:
    """The calls of the last run that hold a text."""
    return lambda text: [line for line in (tmp_path / 'calls.txt').read_text().splitlines() if text in line]


def test_the_reference_environment_is_installed_under_the_constraints(setup, calls, checkout):
    done = setup()
    assert done.returncode == 0, done.stderr
    assert done.stdout == f'{checkout}/.venv/bin/python\n'
    *libraries, package = calls('pip install')
    assert all('-c requirements/constraints.txt' in call for call in libraries)
    installed = ' '.join(libraries)
    assert all(f'-r requirements/{name}.txt' in installed for name in ('build', 'runtime', 'mminstall', 'mim'))
    assert 'tests.txt' not in installed
    assert package.endswith('-e . --no-deps --no-build-isolation')


def test_dev_adds_the_tools_of_tests_and_site(setup, calls):
    assert setup('--dev').returncode == 0
    assert '-r requirements/tests.txt -r requirements/docs.txt' in ' '.join(calls('pip install'))


@pytest.mark.parametrize(
    ('first', 'second', 'works'),
    [([], [], False), (['--dev'], ['--dev'], False), (['--dev'], [], False), ([], ['--dev'], True)],
)
def test_the_second_call_installs_only_what_is_missing(first, second, works, setup, calls):
    setup(*first)
    done = setup(*second)
    assert done.returncode == 0
    assert bool(calls('')) is works
    if not works:
        assert done.stderr == ''


@pytest.mark.parametrize('name', ['requirements/constraints.txt', 'requirements/runtime.txt', 'pyproject.toml'])
def test_a_changed_file_installs_again(name, setup, calls, checkout):
    setup()
    with (checkout / name).open('a') as stream:
        stream.write('\n# changed\n')
    setup()
    assert calls('pip install')
    setup()
    assert not calls('pip install')


@pytest.mark.parametrize('stage', ['build.txt', 'runtime.txt', 'mminstall.txt', '-e .'])
def test_an_install_that_failed_is_tried_again(stage, setup, calls):
    failed = setup(FAKE_FAILS_AT=stage, FAKE_OUTPUT='noise\nERROR: No matching distribution found for torch==2.11.0')
    assert failed.returncode == 1
    assert failed.stdout == ''
    last = failed.stderr.splitlines()[-1]
    assert last.startswith('setup_env.sh: pip failed: ERROR: No matching distribution found for torch==2.11.0 (log: ')
    assert setup().returncode == 0
    assert calls('-e .')


def test_an_update_that_failed_is_tried_again(setup, calls, checkout):
    setup()
    old = (checkout / 'pyproject.toml').read_text()
    (checkout / 'pyproject.toml').write_text(old + '\n')
    setup(FAKE_FAILS_AT='runtime.txt', FAKE_OUTPUT='ERROR: full disk')
    (checkout / 'pyproject.toml').write_text(old)  # the files are as at the first stamp, the environment is not
    setup()
    assert calls('pip install')


def test_no_network_is_one_line(setup):
    retry = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\nERROR: nothing found"
    done = setup(FAKE_FAILS_AT='build.txt', FAKE_OUTPUT=retry)
    assert done.returncode == 1
    assert 'pip cannot reach its package index: check the network' in done.stderr.splitlines()[-1]


def test_without_display_libraries_opencv_becomes_headless(setup, calls):
    done = setup(FAKE_CV2='broken')
    assert done.returncode == 0
    assert 'replacing opencv-python by opencv-python-headless 4.12.0.88' in done.stderr
    assert calls('pip uninstall -qy opencv-python')
    assert calls('--no-deps opencv-python-headless==4.12.0.88')


def test_venv_names_a_folder_that_is_made(setup, tmp_path):
    done = setup(VENV='deep/env')
    assert done.stdout == f'{tmp_path}/deep/env/bin/python\n'
    assert (tmp_path / 'deep/env/bin/python').exists()


def test_venv_names_an_interpreter(setup, calls, tmp_path):
    done = setup(VENV=str(tmp_path / 'bin/python3'))
    assert done.stdout == f'{tmp_path}/bin/python3\n'
    assert not calls('-m venv')
    setup(VENV=str(tmp_path / 'bin/python3'))
    assert not calls('pip install')


def test_python_names_the_base_interpreter(setup, calls, tmp_path):
    (tmp_path / 'bin/python3').rename(tmp_path / 'mine')
    done = setup(PYTHON=str(tmp_path / 'mine'))
    assert done.returncode == 0, done.stderr
    assert calls('-m venv')


@pytest.mark.parametrize('version', ['3.10', '3.13'])
def test_supported_pythons(version, setup):
    assert setup(FAKE_VERSION=version).returncode == 0


@pytest.mark.parametrize(
    ('arguments', 'variables', 'message'),
    [
        (['--devel'], {}, "unknown option '--devel'"),
        ([], {'FAKE_VERSION': '3.9'}, 'python3 is Python 3.9, the reference environment needs 3.10 to 3.13'),
        ([], {'FAKE_VERSION': '3.14'}, 'python3 is Python 3.14'),
        ([], {'PYTHON': 'no-such-python'}, "'no-such-python' is no Python that runs"),
        ([], {'VENV': 'bin'}, 'is neither a Python environment nor an empty folder'),
    ],
)
def test_a_mistake_is_one_line(arguments, variables, message, setup):
    done = setup(*arguments, **variables)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_two_calls_at_once_install_once(checkout, setup, tmp_path):
    environment = {**os.environ, 'PATH': f'{tmp_path / "bin"}:{os.environ["PATH"]}', 'VENV': str(tmp_path / 'env')}
    environment |= {'FAKE_LOG': str(tmp_path / 'calls.txt'), 'FAKE_SECONDS': '0.2'}
    command = [checkout / 'tools/setup_env.sh']
    both = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum('waiting' in output for output in outputs) == 1
    assert (tmp_path / 'calls.txt').read_text().count('-e . --no-deps') == 1


def test_every_requirement_is_pinned():
    def names(path: Path) -> set[str]:
        lines = [line.split('#')[0].strip() for line in path.read_text().splitlines()]
        bare = [re.split(r'[<>=\[]', line)[0] for line in lines if line]
        return {name.strip().lower().replace('_', '-') for name in bare}

    folder = ROOT / 'requirements'
    pinned = names(folder / 'constraints.txt')
    for name in ('build', 'runtime', 'mminstall', 'mim', 'tests', 'docs'):
        assert names(folder / f'{name}.txt') <= pinned
    lines = [line for line in (folder / 'constraints.txt').read_text().splitlines() if line and line[0] != '#']
    assert all('==' in line for line in lines)
