"""The benchmarks of evaluation, on a few images; they raise where our numbers are not those of lvis-api."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
BENCHMARKS = Path(__file__).parents[2] / 'tools' / 'benchmarks'
SIZE = ('--num-images', '12', '--num-detections', '30', '--num-classes', '40')


def run(name: str, *flags: str) -> str:
    command = [sys.executable, str(BENCHMARKS / name), *SIZE, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_every_table_of_the_metric_is_printed():
    out = run('evaluation.py', '--end-to-end-images', '4', '--fixed-images', '6', '--memory-images', '8')
    for head in ('Core: 12 images', 'End to end, bbox and segm: 4 images', 'Process of the mode fixed: 6', 'Memory: 8'):
        assert head in out
    for row in ('| segm | lvis-api |', "| mmdet's LVISMetric |", '| bbox, segm | default, fixed, pool |'):
        assert row in out


def test_scoring_a_results_file_is_compared_with_lvis():
    out = run('results_file.py', '--metric', 'segm')
    assert 'segm from a results json of' in out
    assert '| lvis-api |' in out


def test_intervals_and_errors_are_timed():
    command = [sys.executable, str(BENCHMARKS / 'intervals.py'), '--sizes', '12x40', '--resamples', '5']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert '| 12 x 40 |' in done.stdout
