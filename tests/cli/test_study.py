"""longtail-det study: mistakes, the Slurm job, progress, and a study from nothing to its page."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from longtail_det import cli
from longtail_det.cli.study_claim import claim
from longtail_det.cli.study_facts import commit_of
from longtail_det.cli.study_progress import Progress, status_table
from longtail_det.cli.study_worker import Active
from longtail_det.synthetic import PRESETS, make_glyphs

from .conftest import ROOT
from .fake_study import fake_runs, fake_worker

STUDY = """
title: Two methods
config: {root}/configs/glyphs/mask-rcnn_r18_fpn_{{method}}_{{sampler}}-ss-600i_glyphs.py
train_ann: glyphs/annotations/glyphs_train.json
test_ann: glyphs/annotations/glyphs_val.json
baseline: ce_random
seeds: [0]
device: cpu
threads: 1
sections:
  - title: Methods
    runs:
      - {{method: ce, sampler: random, title: softmax CE, options: &tiny [{options}]}}
      - {{method: crt, sampler: class-aware, first_stage: ce_random, options: *tiny}}
"""
OPTIONS = (
    'train_cfg.max_iters=4', 'val_cfg=None', 'val_dataloader=None', 'val_evaluator=None',
    'default_hooks.checkpoint.interval=2', 'default_hooks.logger.interval=2',
    'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
    'train_dataloader.dataset.data_root=glyphs', 'test_dataloader.dataset.data_root=glyphs',
    'test_evaluator.ann_file=glyphs/annotations/glyphs_val.json',
    'model.test_cfg.rcnn.max_per_img=5',
    'model.roi_head.bbox_head.num_classes=12', 'model.roi_head.mask_head.num_classes=12',
)  # fmt: skip


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    """The file of a study of two methods with four steps, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'study.yml'
    path.write_text(STUDY.format(root=ROOT, options=', '.join(OPTIONS)))
    return path


@pytest.mark.slow
def test_a_study_from_nothing_to_its_page(study, shell, tmp_path):
    """A run that fails is one line and the others are done; the next call finds them done."""
    make_glyphs(tmp_path / 'glyphs', PRESETS['tiny'], progress=False)
    text = study.read_text()
    study.write_text(text + '      - {method: eql, sampler: random, options: [model.typo=1]}\n')
    command = [sys.executable, '-m', 'longtail_det', 'study', 'study.yml']
    done = shell(*command)
    assert done.returncode == 1
    log = 'work_dirs/study/mask-rcnn_r18_fpn_eql_random-ss-600i_glyphs/seed_0/train.out'
    failed = f'failed: eql_random seed 0, train ended with exit code 2; see {log}'
    assert done.stderr.splitlines()[-1] == failed, done.stderr
    assert 'typo' in (tmp_path / log).read_text()
    record = tmp_path / 'work_dirs/study/mask-rcnn_r18_fpn_crt_class-aware-ss-600i_glyphs/seed_0/run.json'
    assert json.loads(record.read_text())['checkpoint'] == 'iter_4.pth'
    study.write_text(text)
    before = record.stat().st_mtime_ns
    again = shell(*command)
    assert again.returncode == 0, again.stderr
    assert record.stat().st_mtime_ns == before
    page = (tmp_path / 'docs/study/README.md').read_text()
    assert '- 2 of 2 runs are done' in page
    assert re.search(r'\| softmax CE \| 1 \| \d+\.\d \(', page)
    assert '| crt_class-aware | 1 |' in page


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['nothing.yml'], 'no file nothing.yml; expected a study, such as configs/study/study.yml'),
        (['study.yml', '--jobs', '0'], 'argument --jobs: found 0, expected a whole number, at least 1'),
        (['study.yml', '--only', 'seesaw*'], '--only seesaw*: no such entry; there are ce_random, crt_class-aware'),
        (['study.yml', '--seeds', '7'], '--seeds 7: the study has [0]'),
        (['study.yml', '--submit'], '--partition and --submit belong to --launcher slurm; add it'),
        (['study.yml', '--launcher', 'slurm'], '--launcher slurm needs a --partition; sinfo lists them'),
        (['study.yml'], 'no file glyphs/annotations/glyphs_train.json; the study wants it'),
        (['study.yml', '--report-only'], 'no run is done yet: neither in work_dirs/study nor in docs/study/runs.csv'),
        (['study.yml', '--check'], 'no run is done yet'),
    ],
)
def test_a_mistake_is_one_line(study, capsys, arguments, message):
    assert cli.main(['study', *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'longtail-det study: error: {message}')
    assert len(error.splitlines()) == 1


def test_a_mistake_in_the_file_is_one_line(study, capsys):
    study.write_text(study.read_text() + 'methods: 3\n')
    assert cli.main(['study', 'study.yml', '--status']) == 2
    assert capsys.readouterr().err == (
        'longtail-det study: error: study.yml: Object contains unknown field `methods`; the keys are those of '
        'docs/study.md\n'
    )


def test_a_python_file_says_the_same(study, capsys):
    import yaml

    values = yaml.safe_load(study.read_text())
    Path('study.py').write_text('\n'.join(f'{key} = {value!r}' for key, value in values.items()))
    assert [cli.main(['study', name, '--status']) for name in ('study.yml', 'study.py')] == [0, 0]
    out = capsys.readouterr().out
    assert out[: len(out) // 2] == out[len(out) // 2 :]
    assert '0 of 2 runs done' in out


def test_what_an_entry_needs_is_done_too(study, capsys):
    assert cli.main(['study', 'study.yml', '--status', '--only', 'crt*', '--seeds', '0']) == 0
    assert capsys.readouterr().out.endswith('0 of 2 runs done\n')
    assert cli.main(['study', 'study.yml', '--status', '--only', 'ce_*']) == 0
    assert capsys.readouterr().out.endswith('0 of 1 runs done\n')


def test_the_job_of_an_array_starts_one_worker_for_each_task(study, capsys, monkeypatch):
    monkeypatch.setenv('SBATCH_ARGS', '--time=1:00:00 --qos=high')
    monkeypatch.setenv('CPUS_PER_TASK', '4')
    assert cli.main(['study', 'study.yml', '--launcher', 'slurm', '--partition', 'p', '--jobs', '3']) == 0
    script = capsys.readouterr().out
    options = re.findall('^#SBATCH (.*)$', script, re.MULTILINE)
    wanted = {'--partition=p', '--array=0-2', '--gres=gpu:1', '--cpus-per-task=4', '--time=1:00:00', '--qos=high'}
    assert wanted <= {*options}
    assert script.endswith(f'exec srun {sys.executable} -m longtail_det study study.yml --jobs 1\n')
    subprocess.run(['bash', '-n'], input=script, text=True, check=True)


def test_a_job_is_handed_to_sbatch(study, tmp_path, monkeypatch):
    (tmp_path / 'sbatch').write_text('#!/usr/bin/env bash\ncat > submitted\n')
    (tmp_path / 'sbatch').chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    arguments = ['study', 'study.yml', '--launcher', 'slurm', '--partition', 'p', '--device', 'cpu', '--only', 'ce*']
    assert cli.main([*arguments, '--submit']) == 0
    script = (tmp_path / 'submitted').read_text()
    assert '--gres' not in script
    assert "--device cpu --only 'ce*'\n" in script
    (tmp_path / 'sbatch').unlink()
    assert cli.main([*arguments, '--submit']) == 2


def test_the_remaining_time_is_that_of_the_runs_that_were_done(tmp_path, capsys):
    runs = fake_runs(tmp_path, dict.fromkeys('abc', ''))
    for run, seconds in zip(runs[:2], (100, 200), strict=True):
        run.folder.mkdir()
        (run.folder / 'run.json').write_text(json.dumps({'train_wall_s': seconds, 'test_wall_s': 30, 'peak_rss_mb': 9}))
    Progress(runs).finish(fake_worker(runs))
    assert '2 of 3 runs done; about 3 min left' in capsys.readouterr().err


def test_a_running_training_shows_its_step(tmp_path, capsys):
    runs = fake_runs(tmp_path, {'a': ''})
    worker = fake_worker(runs)
    runs[0].folder.mkdir()
    log = 'mmengine - INFO - Iter(train) [{:3}/600]  lr: 1e-3  eta: 0:0{}:20  time: 0.7\n'
    (runs[0].folder / 'train.out').write_text(log.format(20, 7) + log.format(340, 3))
    worker.active = [Active(runs[0], None, 0, worker.commands.steps(runs[0]))]
    progress = Progress(runs)
    progress.show(worker)
    assert capsys.readouterr().err.splitlines()[1] == '  a seed 0: train'
    progress.show(worker)
    assert capsys.readouterr().err == '', 'nothing has changed'
    progress.terminal = True
    progress.show(worker)
    assert capsys.readouterr().err.splitlines()[1] == '  a seed 0  train  340/600  0:03:20 left'
    progress.show(worker)
    assert capsys.readouterr().err.startswith('\x1b[2F\x1b[J'), 'drawn over the table before'


def test_the_status_says_who_works_on_what(tmp_path):
    runs = fake_runs(tmp_path, dict.fromkeys(('done', 'taken', 'failed', 'new'), ''))
    for run in runs[:3]:
        run.folder.mkdir()
    (runs[0].folder / 'run.json').write_text('{}')
    held = claim(runs[1].folder)
    (runs[3].folder).mkdir()
    (runs[3].folder / 'lock').write_text('{"host": "dead", "pid": 7}')
    (runs[2].folder / 'failed.json').write_text('{}')
    lines = [[cell.strip() for cell in line.split('|')] for line in status_table(runs).splitlines()]
    me = f'{socket.gethostname()}:{os.getpid()}'
    wanted = [['entry', 'seed 0'], ['done', 'done'], ['taken', me], ['failed', 'failed'], ['new', '-']]
    assert lines == [*wanted, ['1 of 4 runs done']]
    held.release()


def test_the_commit_says_whether_the_package_was_changed(tmp_path):
    assert commit_of(tmp_path).startswith('longtail_det ')
    git = ['git', '-C', str(tmp_path), '-c', 'user.name=a', '-c', 'user.email=a@b']
    (tmp_path / 'longtail_det').mkdir()
    (tmp_path / 'longtail_det/a.py').write_text('1')
    (tmp_path / 'README.md').write_text('1')
    for words in (['init', '-q'], ['add', '.'], ['commit', '-q', '-m', 'First']):
        subprocess.run([*git, *words], check=True)
    (tmp_path / 'README.md').write_text('2')
    clean = commit_of(tmp_path)
    assert re.fullmatch('[0-9a-f]{40}', clean)
    (tmp_path / 'longtail_det/a.py').write_text('2')
    assert commit_of(tmp_path) == f'{clean}+changes'


@pytest.mark.zoo
def test_the_page_and_the_readme_are_what_the_csv_says(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert cli.main(['study', 'configs/study/study.yml', '--check']) == 0, capsys.readouterr().err
