"""The commands of a run of a study: train, test, and what a calibration needs before its test."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from longtail_det.reports.study import BEST, SEARCH, Run, Study

from .study_facts import usable_cores

#: search of a strength: what it leaves
SEARCHED = 'calibration.json'
_COMMAND = (sys.executable, '-m', 'longtail_det')


class Step(NamedTuple):
    """One process of a run.

    Args:
        name: 'train', 'test', ...; its output goes to `<name>.out` in the folder of the run.
        command: called when the step starts, as it may read what the step before left.
    """

    name: str
    command: Callable[[], Sequence[str]]


class Commands:
    """The steps of the runs of a study.

    Args:
        study: the study.
        runs: all of its runs.
        device: auto, cpu or cuda.
        jobs: runs at a time on this machine, which share its processors.
    """

    def __init__(self, study: Study, runs: Sequence[Run], device: str, jobs: int = 1) -> None:
        self.study = study
        self.device = device
        self.jobs = jobs
        self._folders = {(run.name, run.seed): run.folder for run in runs}

    def steps(self, run: Run) -> list[Step]:
        """Return the steps of a run, in order.

        Args:
            run: those that it needs are done.
        """
        if run.is_search:
            return [Step('calibrate', lambda: self._calibrate(run))]
        steps = [Step('test', lambda: self._test(run)), Step('score', lambda: self._score(run))]
        if not run.of:
            return [Step('train', lambda: self._train(run)), *steps]
        return [Step('calibrate', lambda: self._calibrate(run, 'logn')), *steps] if run.calibration == 'logn' else steps

    def environment(self, run: Run, slot: int) -> Mapping[str, str]:
        """Return the environment of a run's processes.

        Args:
            run: the run.
            slot: which of the runs of this machine, from 0; with several GPUs each gets its own.
        """
        threads = self.study.threads or max(1, usable_cores() // (self.jobs * run.processes))
        variables = {
            **os.environ,
            'OMP_NUM_THREADS': str(threads),
            'MKL_NUM_THREADS': str(threads),
            'MPLBACKEND': 'agg',
        }
        gpus = [] if self.device == 'cpu' else _visible_gpus()
        if len(gpus) > 1:
            mine = [gpus[(slot * run.processes + i) % len(gpus)] for i in range(run.processes)]
            variables['CUDA_VISIBLE_DEVICES'] = ','.join(dict.fromkeys(mine))
        return variables

    def folder_of(self, name: str, seed: int) -> Path:
        """Return the folder of a run by its name and seed."""
        return self._folders[name, seed]

    def checkpoint(self, run: Run) -> Path:
        """Return the checkpoint that a run tests: its own last one, or that of the run it tests.

        Raises:
            FileNotFoundError: there is none.
        """
        folder = self.folder_of(run.of or run.name, run.seed)
        pointer = folder / 'last_checkpoint'
        # by its name: the folder may have moved since
        return folder / Path(pointer.read_text().strip()).name

    def _train(self, run: Run) -> Sequence[str]:
        command: Sequence[str] = _COMMAND
        launcher: list[str] = []
        if run.processes > 1:
            command = (sys.executable, '-m', 'longtail_det.cli.torchrun', str(run.processes), '-m', 'longtail_det')
            launcher = ['--launcher', 'pytorch']
        first = ['--first-stage', str(self.folder_of(run.first_stage, run.seed))] if run.first_stage else []
        options = [*self.study.options, f'randomness.seed={run.seed}', *run.options]
        place = ['--work-dir', str(run.folder), '--resume', '--device', self.device]
        return [*command, 'train', run.config, *place, *launcher, *first, '--cfg-options', *options]

    def _test(self, run: Run) -> Sequence[str]:
        checkpoint = run.folder / 'calibrated.pth' if run.calibration == 'logn' else self.checkpoint(run)
        place = ['--work-dir', str(run.folder), '--device', self.device]
        wanted = ['--out', str(run.folder / 'results.json')]
        return [
            *_COMMAND,
            'test',
            run.config,
            str(checkpoint),
            *place,
            *wanted,
            *self._calibration(run),
            *_options(run),
        ]

    def _calibration(self, run: Run) -> list[str]:
        if not run.calibration:
            return []
        if run.calibration == 'logn':
            return ['--calibration', 'logn']
        name = run.calibration.removesuffix(BEST)
        tokens = [name]
        if run.calibration.endswith(BEST):
            tokens = best_strength(self.folder_of(f'{run.of}+{SEARCH}', run.seed) / SEARCHED, name).split()
        return ['--calibration', *tokens, '--ann', self.study.train_ann]

    def _calibrate(self, run: Run, calibration: str = '') -> Sequence[str]:
        wanted = ['--calibration', calibration] if calibration else []
        place = ['--work-dir', str(run.folder), '--device', self.device, '--out', str(run.folder)]
        images = ['--images', str(self.study.images), '--no-test']
        return [*_COMMAND, 'calibrate', run.config, str(self.checkpoint(run)), *place, *images, *wanted, *_options(run)]

    def _score(self, run: Run) -> Sequence[str]:
        return [sys.executable, '-m', 'longtail_det.cli.study_scores', str(run.folder), '--ann', self.study.test_ann]


def _options(run: Run) -> list[str]:
    return ['--cfg-options', *run.options] if run.options else []


@functools.cache
def _visible_gpus() -> list[str]:
    """Names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES has them."""
    given = os.environ.get('CUDA_VISIBLE_DEVICES')
    if given is not None:
        return [gpu for gpu in given.split(',') if gpu]
    import torch

    return [str(i) for i in range(torch.cuda.device_count())]


def best_strength(path: Path, name: str) -> str:
    """Return a calibration with the strength of the best box AP that a search found, such as 'norcal gamma=0.4'.

    Args:
        path: calibration.json of the search.
        name: of the calibration.

    Raises:
        ValueError: the search did not try it.
    """
    tried = {key: row['AP'] for key, row in json.loads(path.read_text())['search'].items() if key.split()[0] == name}
    if not tried:
        raise ValueError(f'{path} holds no strength of {name}; it has none to search, leave out {BEST}')
    return max(tried, key=lambda key: tried[key])
