"""Runs whose steps are processes of milliseconds: `python fake_study.py FOLDER NAMES...` is a worker on them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from longtail_det.cli.study_commands import Commands, Step
from longtail_det.cli.study_worker import Worker
from longtail_det.reports.study import Run, parse_study

#: a training: alone in its folder, noted in `trained`, as long as `wait` is there, with the exit code in `code`
_TRAIN = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / 'alone').mkdir()
(folder / 'pid').write_text(str(os.getpid()))
with (folder / 'trained').open('a') as log:
    log.write(f'{time.time()}\\n')
time.sleep(0.1)
while (folder.parent / 'wait').exists():
    time.sleep(0.02)
(folder / 'alone').rmdir()
(folder / 'last_checkpoint').write_text('iter_1.pth')
code = folder / 'code'
sys.exit(int(code.read_text()) if code.exists() else 0)
"""


class FakeCommands(Commands):
    """Commands that train nothing."""

    def steps(self, run: Run) -> list[Step]:
        """Return a training, and a test that fails where its folder holds `no_test`."""
        test = 'import os, sys; sys.exit(5 if os.path.exists(sys.argv[1] + "/no_test") else 0)'
        train, test = ([sys.executable, '-c', code, str(run.folder)] for code in (_TRAIN, test))
        return [Step('train', lambda: train), Step('test', lambda: test)]


def fake_runs(folder: Path, needs: Mapping[str, str]) -> list[Run]:
    """Return runs by their names, and by the name of the first stage of each."""
    return [
        Run(name, name, 'Methods', 'config.py', 0, folder / name, first_stage=first) for name, first in needs.items()
    ]


def fake_worker(runs: list[Run], jobs: int = 1) -> Worker:
    """Return a worker on such runs."""
    entry = {'method': 'a', 'sampler': 'b'}
    section = {'title': 'Methods', 'runs': [entry]}
    values = {'title': 'Fake', 'config': '{method}{sampler}', 'train_ann': 'x', 'test_ann': 'x', 'baseline': 'a_b'}
    study = parse_study({**values, 'sections': [section]}, 'fake.yml')
    return Worker(runs, FakeCommands(study, runs, 'cpu', jobs), jobs, {'commit': 'abc', 'versions': {}})


if __name__ == '__main__':
    fake_worker(fake_runs(Path(sys.argv[1]), dict.fromkeys(sys.argv[2:], ''))).work()
