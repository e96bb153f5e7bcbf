"""The distributed scripts on two CPU processes, what they hand to torchrun and srun, and a run that is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from longtail_det.cli import train
from longtail_det.compat.checkpoint import allow_mmengine_checkpoints

from ..cli.conftest import ROOT, TOOLS, TOY, TOY_CONFIG

FAKE_SRUN = """#!/usr/bin/env bash
printf '%s\\n' "$@" > srun.txt
echo "$MASTER_PORT" > port.txt
"""


def weights(checkpoint: Path) -> torch.Tensor:
    allow_mmengine_checkpoints()
    return torch.load(checkpoint)['state_dict']['bbox_head.fc.weight']


@pytest.mark.slow
def test_two_processes_train_and_test_as_one(shell, run, tmp_path):
    halves = ['--cfg-options', 'train_dataloader.batch_size=1']
    trained = shell(TOOLS / 'dist_train.sh', TOY_CONFIG, '2', '--work-dir', 'two', *halves)
    assert trained.returncode == 0, trained.stderr
    assert run('train', TOY_CONFIG, '--work-dir', 'one') == 0
    torch.testing.assert_close(weights(tmp_path / 'two/iter_4.pth'), weights(tmp_path / 'one/iter_4.pth'))

    arguments = ['two/iter_4.pth', '2', '--work-dir', 'out', '--eval', 'bbox', 'segm']
    tested = shell(TOOLS / 'dist_test.sh', TOY_CONFIG, *arguments)
    assert tested.returncode == 0, tested.stderr
    (path,) = (tmp_path / 'out').glob('*/*.json')
    assert json.loads(path.read_text()).items() >= {'toy/samples': 5.0}.items()  # 5 samples on 2 processes: none twice
    assert {'toy/bbox', 'toy/segm'} <= json.loads(path.read_text()).keys()


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_last_checkpoint(workplace):
    command = [sys.executable, TOOLS / 'train.py', TOY_CONFIG, '--work-dir', workplace / 'run', '--device', 'cpu']
    slow = ['--cfg-options', 'train_dataloader.dataset.pause=0.2']
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, (TOY, ROOT))), 'OMP_NUM_THREADS': '1'}
    process = subprocess.Popen([*command, *slow], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (workplace / 'run/last_checkpoint').exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (workplace / 'run/iter_4.pth').exists(), 'the run ended before it was killed'

    assert train.main([*map(str, command[2:]), '--resume', '--cfg-options', 'experiment_name=after-kill']) == 0
    assert train.main([TOY_CONFIG, '--work-dir', 'whole', '--cfg-options', 'experiment_name=whole']) == 0
    torch.testing.assert_close(weights(workplace / 'run/iter_4.pth'), weights(workplace / 'whole/iter_4.pth'))


@pytest.mark.slow
def test_two_stages_run_one_after_the_other_and_go_on(shell, tmp_path):
    second = tmp_path / 'second.py'
    hook = dict(type='mmdet.FirstStageHook', first_stage='toy_config')
    second.write_text(
        f'_base_ = [{TOY_CONFIG!r}]\ncustom_hooks = [{hook}]\noptim_wrapper = dict(optimizer=dict(lr=0.0))\n'
    )
    command = [TOOLS / 'two_stage.sh', TOY_CONFIG, second, '--device', 'cpu']
    done = shell(*command)
    assert done.returncode == 0, done.stderr
    first = tmp_path / 'work_dirs/toy_config/iter_4.pth'
    torch.testing.assert_close(weights(tmp_path / 'work_dirs/second/iter_4.pth'), weights(first), rtol=0, atol=0)
    written = first.stat().st_mtime_ns
    (tmp_path / 'work_dirs/second/iter_4.pth').unlink()
    (tmp_path / 'work_dirs/second/last_checkpoint').unlink()
    assert shell(*command).returncode == 0
    assert first.stat().st_mtime_ns == written
    assert (tmp_path / 'work_dirs/second/iter_4.pth').exists()


def test_options_that_two_stages_cannot_share_are_named(shell):
    done = shell(TOOLS / 'two_stage.sh', 'a.py', 'b.py', '--work-dir', 'out')
    assert done.returncode == 2
    assert done.stderr.startswith('two_stage.sh: --work-dir is set for each stage here')


@pytest.mark.parametrize(
    ('script', 'arguments'),
    [
        ('two_stage.sh', ['c.py']),
        ('dist_train.sh', ['c.py']),
        ('dist_test.sh', ['c.py', 'x.pth']),
        ('slurm_train.sh', ['p', 'j', 'c.py']),
        ('slurm_test.sh', ['p', 'j', 'c.py']),
    ],
)
def test_missing_arguments_give_the_usage(script, arguments, shell):
    done = shell(TOOLS / script, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize('option', ['-h', '--help'])
@pytest.mark.parametrize('script', sorted(path.name for path in TOOLS.glob('[a-z]*.sh')))
def test_every_script_shows_its_help_and_does_nothing(script, option, shell):
    done = shell(TOOLS / script, option, PYTHON='/nowhere/python')
    assert (done.returncode, done.stderr) == (0, '')
    assert f'./tools/{script}' in done.stdout


@pytest.mark.slow
def test_two_nodes_train_as_one_process(shell, run, tmp_path):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    halves = ['--cfg-options', 'train_dataloader.batch_size=1']

    def node(rank: int) -> subprocess.CompletedProcess:
        variables = {'NNODES': '2', 'NODE_RANK': str(rank), 'MASTER_ADDR': '127.0.0.1', 'PORT': port}
        return shell(TOOLS / 'dist_train.sh', TOY_CONFIG, '1', '--work-dir', 'two', *halves, **variables)

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(node, (0, 1)))
    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    assert run('train', TOY_CONFIG, '--work-dir', 'one') == 0
    torch.testing.assert_close(weights(tmp_path / 'two/iter_4.pth'), weights(tmp_path / 'one/iter_4.pth'))


@pytest.mark.parametrize(
    ('script', 'last', 'tail'),
    [
        ('slurm_train.sh', 'my work', ['--work-dir', 'my work', '--launcher', 'slurm', '--seed', '3']),
        ('slurm_test.sh', 'a b.pth', ['a b.pth', '--launcher', 'slurm', '--seed', '3']),
    ],
)
def test_what_srun_is_given(script, last, tail, shell, tmp_path):
    (tmp_path / 'srun').write_text(FAKE_SRUN)
    (tmp_path / 'srun').chmod(0o755)
    path = f'{tmp_path}:{os.environ["PATH"]}'
    variables = {'GPUS': '16', 'CPUS_PER_TASK': '4', 'SRUN_ARGS': '--qos=high --exclude=n1', 'PORT': '1234'}
    done = shell(TOOLS / script, 'part', 'job', 'my config.py', last, '--seed', '3', PATH=path, **variables)
    assert done.returncode == 0, done.stderr
    tool_path = str(TOOLS / script.replace('slurm_', '').replace('.sh', '.py'))
    assert (tmp_path / 'srun.txt').read_text().splitlines() == [
        '--partition=part',
        '--job-name=job',
        '--nodes=2',
        '--gres=gpu:8',
        '--ntasks=16',
        '--ntasks-per-node=8',
        '--cpus-per-task=4',
        '--kill-on-bad-exit=1',
        '--qos=high',
        '--exclude=n1',
        sys.executable,
        '-u',
        tool_path,
        'my config.py',
        *tail,
    ]
    assert (tmp_path / 'port.txt').read_text().strip() == '1234'


def test_a_small_slurm_job_asks_for_no_more_than_its_gpus(shell, tmp_path):
    (tmp_path / 'srun').write_text(FAKE_SRUN)
    (tmp_path / 'srun').chmod(0o755)
    path = f'{tmp_path}:{os.environ["PATH"]}'
    assert shell(TOOLS / 'slurm_train.sh', 'p', 'j', 'c.py', 'w', PATH=path, GPUS='2').returncode == 0
    assert '--ntasks-per-node=2' in (tmp_path / 'srun.txt').read_text().splitlines()


@pytest.mark.parametrize(
    ('variables', 'nodes', 'tasks', 'per_node'),
    [
        ({}, 1, 8, 8),
        ({'GPUS': '4'}, 1, 4, 4),
        ({'GPUS': '32'}, 4, 32, 8),
        ({'GPUS': '8', 'GPUS_PER_NODE': '4'}, 2, 8, 4),
        ({'NNODES': '3'}, 3, 24, 8),
        ({'NNODES': '3', 'GPUS_PER_NODE': '2'}, 3, 6, 2),
        ({'NNODES': '2', 'GPUS': '8'}, 2, 8, 4),
        ({'NNODES': '2', 'GPUS': '8', 'GPUS_PER_NODE': '4'}, 2, 8, 4),
    ],
)
def test_slurm_nodes_follow_from_what_is_given(variables, nodes, tasks, per_node, shell, tmp_path):
    (tmp_path / 'srun').write_text(FAKE_SRUN)
    (tmp_path / 'srun').chmod(0o755)
    path = f'{tmp_path}:{os.environ["PATH"]}'
    done = shell(TOOLS / 'slurm_test.sh', 'p', 'j', 'c.py', 'x.pth', PATH=path, **variables)
    assert done.returncode == 0, done.stderr
    given = (tmp_path / 'srun.txt').read_text().splitlines()
    assert {f'--nodes={nodes}', f'--ntasks={tasks}', f'--ntasks-per-node={per_node}', f'--gres=gpu:{per_node}'} <= {
        *given
    }


@pytest.mark.parametrize(
    'variables', [{'GPUS': '12'}, {'GPUS': '8', 'NNODES': '3'}, {'GPUS': '8', 'NNODES': '2', 'GPUS_PER_NODE': '8'}]
)
def test_slurm_gpus_that_do_not_fit_the_nodes_are_one_line(variables, shell):
    done = shell(TOOLS / 'slurm_train.sh', 'p', 'j', 'c.py', 'w', **variables)
    assert done.returncode == 2
    assert f'error: GPUS={variables["GPUS"]} are not NNODES=' in done.stderr
    assert len(done.stderr.splitlines()) == 1
