"""The wheel in an environment that holds what it requires without extras, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import longtail_det

from .core_environment import core_requirements, make_environment
from .test_core import TRAIN

pytestmark = pytest.mark.slow
#: arguments that get a command as far as the extra that it misses
NEEDS_AN_EXTRA = {
    'train': ['config.py'],
    'test': ['config.py', 'weights.pth'],
    'calibrate': ['config.py', 'weights.pth'],
    'study': ['config.py'],
    'make-glyphs': ['--out', 'glyphs'],
}


def clean_environment():
    """No variable that leads to this checkout."""
    return {key: value for key, value in os.environ.items() if not key.startswith('PYTHON')} | {'MPLBACKEND': 'Agg'}


@pytest.fixture(scope='module')
def python(wheel_path, tmp_path_factory):
    """Python of the environment; the metadata of the wheel ask for no more than is there."""
    python = make_environment(tmp_path_factory.mktemp('core') / 'venv', core_requirements())
    pip = [sys.executable, '-m', 'pip', '--python', python]
    # never without --no-deps: the packages of the environment are links, and pip would write through them
    for command in (['install', '-q', '--no-index', '--no-deps', str(wheel_path)], ['check']):
        done = subprocess.run([*pip, *command], env=clean_environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return python


@pytest.fixture
def run(python, tmp_path):
    """Run what the environment holds, in an empty folder, with no way to this checkout."""

    def run(program, *arguments, code=0):
        command = [python.with_name(program), *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True)
        assert done.returncode == code, f'{command}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}'
        return done

    return run


@pytest.fixture
def files(make_gt, tmp_path):
    """A training set of two classes, and detections on it."""
    gt = make_gt([(1, 1, [10, 10, 40, 40]), (1, 2, [80, 80, 30, 30])])
    found = [
        dict(image_id=1, category_id=c, bbox=box, score=0.9) for c, box in ((1, [10, 10, 40, 40]), (2, [0, 0, 9, 9]))
    ]
    gt['images'] = [{**image, 'file_name': f'{image["id"]}.png'} for image in gt['images']]
    (tmp_path / 'train.json').write_text(json.dumps(gt))
    run = tmp_path / 'run'
    run.mkdir()
    (run / 'results.json').write_text(json.dumps(found))
    (tmp_path / 'config.py').write_text('model = dict()\n')
    (tmp_path / 'weights.pth').write_bytes(b'')
    return tmp_path


def test_each_loss_trains(run):
    assert run('python', '-c', TRAIN).stdout.startswith('trained')


def test_detections_are_scored_and_reported(run, files):
    run('longtail-det', 'eval', '--ann', 'train.json', '--results', 'run/results.json', '--out', 'metrics.json')
    assert json.loads((files / 'metrics.json').read_text())['bbox']['AP'] == pytest.approx(0.5)
    run('longtail-det', 'report', 'run', '--ann', 'train.json', '--train-ann', 'train.json', '--num-images', '0')
    assert '50.0' in (files / 'run/report.html').read_text()


def test_classes_are_counted_and_scores_corrected(run, files):
    assert 'class' in run('longtail-det', 'class-statistics', '--ann', 'train.json', '--out', 'statistics.json').stdout
    arguments = ['--results', 'run/results.json', '--counts', 'train.json', '--calibration', 'norcal', 'gamma=0.6']
    run('longtail-det', 'calibrate', *arguments, '--out', 'new.json')
    assert (files / 'new.json').is_file()


def test_it_runs_as_a_module(run):
    assert run('python', '-m', 'longtail_det', '--version').stdout == f'longtail-det {longtail_det.__version__}\n'


@pytest.mark.parametrize('command', NEEDS_AN_EXTRA)
def test_a_command_that_needs_more_is_one_line(command, run, files):
    done = run('longtail-det', command, *NEEDS_AN_EXTRA[command], code=2)
    wanted = 'opencv-python' if command == 'make-glyphs' else "'longtail-det[mmdet]'"
    assert done.stderr.count('\n') == 1
    assert f'pip install {wanted}' in done.stderr
