"""The commands of `longtail-det`, each also a script under tools/, and how the user called the running one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

PROGRAM = 'longtail-det'


class Command(NamedTuple):
    """A command.

    Args:
        script: the same command in a checkout.
        summary: one line for `longtail-det --help`.
    """

    script: str
    summary: str


#: name -> command; its module in this package has the same name, with underscores
COMMANDS = {
    'train': Command('tools/train.py', 'train a detector from a config'),
    'test': Command('tools/test.py', 'run a checkpoint over the test set of a config'),
    'eval': Command('tools/analysis/eval_results.py', 'score the detections in a file, without a model'),
    'predict': Command('tools/predict.py', 'draw what a detector finds on images and videos, rare classes if you ask'),
    'verify': Command('tools/analysis/verify.py', 'test a published checkpoint and compare with its published result'),
    'compare': Command('tools/analysis/compare.py', 'say whether two runs differ, with intervals, by frequency group'),
    'calibrate': Command('tools/analysis/calibrate.py', 'correct the class scores of a trained detector'),
    'report': Command('tools/analysis/report.py', 'write an HTML page about one run, or several side by side'),
    'study': Command('tools/analysis/study.py', 'train and test many methods, and write the page about them'),
    'browse': Command('tools/analysis/browse.py', 'draw training samples as the model gets them, rare classes first'),
    'plot-class-frequency': Command(
        'tools/analysis/plot_class_frequency.py', 'draw the class frequency before and after resampling'
    ),
    'audit': Command('tools/data/audit.py', 'say what is wrong with the balance of a data set, and what to do'),
    'class-statistics': Command('tools/data/class_statistics.py', 'count the classes of a training set'),
    'build-store': Command('tools/data/build_store.py', 'keep an annotation file as columns that processes share'),
    'make-glyphs': Command('tools/data/make_glyphs.py', 'make LongTailGlyphs, the embedded benchmark'),
    'download-lvis': Command('tools/data/download_lvis.py', 'download LVIS and its images'),
    'check-lvis': Command('tools/data/check_lvis.py', 'check a copy of LVIS'),
    'upgrade-checkpoint': Command(
        'tools/model_converters/upgrade_checkpoint.py', 'upgrade a checkpoint of mmdet 2.x or detectron2'
    ),
}

_running: ContextVar[str | None] = ContextVar('running', default=None)


@contextmanager
def running(name: str) -> Iterator[None]:
    """Record that `longtail-det NAME` is running and not the script."""
    token = _running.set(name)
    try:
        yield
    finally:
        _running.reset(token)


def program_name() -> str:
    """Return the name of the running program as the user knows it."""
    name = _running.get()
    return os.path.basename(sys.argv[0]) if name is None else f'{PROGRAM} {name}'.strip()


def as_typed(text: str) -> str:
    """Return a text in which every command is written as this user types it.

    Example:
        >>> as_typed('get it with longtail-det download-lvis --root data')
        'get it with python tools/data/download_lvis.py --root data'
        >>> with running('train'):
        ...     as_typed('make it with python tools/test.py --out, or tools/train.py')
        'make it with longtail-det test --out, or longtail-det train'
    """
    for name, command in COMMANDS.items():
        if _running.get() is None:
            text = re.sub(rf'{PROGRAM} {name}\b', f'python {command.script}', text)
        else:
            text = re.sub(rf'(python )?\b{command.script}', f'{PROGRAM} {name}', text)
    return text


def note(text: str) -> None:
    """Report on stderr what is going on."""
    print(f'{program_name().removesuffix(".py")}: {as_typed(text)}', file=sys.stderr, flush=True)
