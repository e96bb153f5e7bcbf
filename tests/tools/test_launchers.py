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

from .conftest import TOOLS, TOY, TOY_CONFIG

FAKE_SRUN = """#!/usr/bin/env bash
printf '%s\\n' "$@" > srun.txt
echo "$MASTER_PORT" > port.txt
"""


# A script that reports as the tools do, without their slow imports.
WORKER = """import os, sys
sys.path.insert(0, {folder!r})
from _cli import UserError, one_line_errors
@one_line_errors
def main():
    {body}
sys.exit(main())
"""
MPI_SIZE = 'OMPI_COMM_WORLD_SIZE'


def weights(checkpoint: Path) -> torch.Tensor:
    return torch.load(checkpoint)['state_dict']['bbox_head.fc.weight']


@pytest.mark.slow
def test_two_processes_train_and_test_as_one(shell, run_tool, tmp_path):
    halves = ['--cfg-options', 'train_dataloader.batch_size=1']
    trained = shell(TOOLS / 'dist_train.sh', TOY_CONFIG, '2', '--work-dir', 'two', *halves)
    assert trained.returncode == 0, trained.stderr
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'one') == 0
    torch.testing.assert_close(weights(tmp_path / 'two/iter_4.pth'), weights(tmp_path / 'one/iter_4.pth'))

    arguments = ['two/iter_4.pth', '2', '--work-dir', 'out', '--eval', 'bbox', 'segm']
    tested = shell(TOOLS / 'dist_test.sh', TOY_CONFIG, *arguments)
    assert tested.returncode == 0, tested.stderr
    (path,) = (tmp_path / 'out').glob('*/*.json')
    assert json.loads(path.read_text()).items() >= {'toy/samples': 5.0}.items()  # 5 samples on 2 processes: none twice
    assert {'toy/bbox', 'toy/segm'} <= json.loads(path.read_text()).keys()


def test_an_error_of_the_workers_is_said_once(shell, tmp_path):
    worker = tmp_path / 'worker.py'
    worker.write_text(WORKER.format(folder=str(TOOLS), body="raise UserError('no such data set')"))
    done = shell(sys.executable, TOOLS / '_torchrun.py', '2', worker)
    assert (done.returncode, done.stderr) == (2, 'worker.py: error: no such data set\n')


@pytest.mark.parametrize(
    ('body', 'code', 'output'),
    [('raise KeyError(8)', 1, 'KeyError: 8'), ('sys.exit(7)', 7, ''), ('os.kill(os.getpid(), 9)', 137, '')],
)
def test_a_worker_that_fails_otherwise_is_named(body, code, output, shell, tmp_path):
    worker = tmp_path / 'worker.py'
    worker.write_text(WORKER.format(folder=str(TOOLS), body=body))
    done = shell(sys.executable, TOOLS / '_torchrun.py', '1', worker)
    assert done.returncode == code
    assert output in done.stderr
    assert 'process 0 ' in done.stderr.splitlines()[-1]


def test_a_port_in_use_is_one_line(shell, tmp_path):
    worker = tmp_path / 'worker.py'
    worker.write_text('')
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        done = shell(sys.executable, TOOLS / '_torchrun.py', '1', worker, PORT=str(other.getsockname()[1]))
    assert done.returncode == 2
    assert 'set PORT to a free one' in done.stderr.splitlines()[-1]
    assert 'Traceback' not in done.stderr


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path, tool):
    command = [sys.executable, TOOLS / 'train.py', TOY_CONFIG, '--work-dir', tmp_path / 'run', '--device', 'cpu']
    slow = ['--cfg-options', 'train_dataloader.dataset.pause=0.2']
    environment = {**os.environ, 'PYTHONPATH': str(TOY), 'OMP_NUM_THREADS': '1'}
    process = subprocess.Popen([*command, *slow], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / 'run/last_checkpoint').exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / 'run/iter_4.pth').exists(), 'the run ended before it was killed'

    assert tool('train').main([*map(str, command[2:]), '--resume', '--cfg-options', 'experiment_name=after-kill']) == 0
    assert tool('train').main([TOY_CONFIG, '--work-dir', 'whole', '--cfg-options', 'experiment_name=whole']) == 0
    torch.testing.assert_close(weights(tmp_path / 'run/iter_4.pth'), weights(tmp_path / 'whole/iter_4.pth'))


@pytest.mark.parametrize(
    ('script', 'arguments'),
    [
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


@pytest.mark.parametrize('number', ['0', '-1', 'two', '1.5'])
def test_the_number_of_processes_is_a_number(number, tool, capsys):
    assert tool('_torchrun').main([number, 'train.py']) == 2
    assert repr(number) in capsys.readouterr().err


def test_more_gpus_than_there_are_is_one_line(tool, monkeypatch, capsys):
    module = tool('_torchrun')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    assert module.main(['4', 'train.py']) == 2
    assert '4 GPUs asked for, and this machine shows 2' in capsys.readouterr().err
    module.check_gpus(2, on_cpu=False)
    module.check_gpus(4, on_cpu=True)


def test_a_worker_without_a_gpu_of_its_own_is_one_line(tool, monkeypatch):
    tool('train')
    from _cli import UserError
    from _runner import prepare_processes
    from mmengine.config import Config

    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    for name, value in {'RANK': '2', 'WORLD_SIZE': '3', 'LOCAL_RANK': '2'}.items():
        monkeypatch.setenv(name, value)
    args = tool('train').build_parser().parse_args(['c.py', '--launcher', 'pytorch'])
    with pytest.raises(UserError, match='process 3 on this machine has no GPU: there are 2'):
        prepare_processes(Config(), args, 'cuda')


@pytest.mark.parametrize(('processes', 'threads'), [(1, 6), (4, 1), (2, 3), (100, 1)])
def test_cpu_processes_share_the_cores(processes, threads, tool, monkeypatch):
    module = tool('_torchrun')
    for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(6)))
    module.check_gpus(processes, on_cpu=True)
    assert (os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS']) == (str(threads), str(threads))
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    module.check_gpus(processes, on_cpu=True)
    assert os.environ['OMP_NUM_THREADS'] == '5'


def test_a_single_node_takes_a_free_port(tool):
    options = dict(option.split('=') for option in tool('_torchrun').torchrun_options('2', {}))
    assert options['--nnodes'] == '1'
    assert options['--master-addr'] == '127.0.0.1'
    assert int(options.pop('--master-port')) > 1023


def test_several_nodes_follow_the_environment(tool):
    environment = {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'node0'}
    options = tool('_torchrun').torchrun_options('8', environment)
    assert options == [
        '--nnodes=2',
        '--node-rank=1',
        '--master-addr=node0',
        '--master-port=29500',
        '--nproc-per-node=8',
    ]
    assert '--master-port=7' in tool('_torchrun').torchrun_options('8', environment | {'PORT': '7'})


def test_several_nodes_need_an_address(tool, monkeypatch, capsys):
    monkeypatch.setenv('NNODES', '2')
    monkeypatch.delenv('MASTER_ADDR', raising=False)
    assert tool('_torchrun').main(['1', 'train.py']) == 2
    assert 'MASTER_ADDR is not set' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('variables', 'message'),
    [
        ({}, 'NODE_RANK is not set; give each node its own, 0 to 1'),
        ({'NODE_RANK': '2'}, 'NODE_RANK is 2; give each node its own, 0 to 1'),
        ({'NODE_RANK': 'first'}, 'NODE_RANK is first;'),
        ({'NNODES': 'two'}, 'NNODES=two; expected a number'),
        ({'NNODES': '0'}, 'NNODES=0; expected a number'),
        ({'PORT': 'http'}, 'PORT=http; expected a number'),
    ],
)
def test_nodes_that_could_not_meet_are_one_line(variables, message, tool, monkeypatch, capsys):
    for name, value in ({'NNODES': '2', 'MASTER_ADDR': 'node0'} | variables).items():
        monkeypatch.setenv(name, value)
    assert tool('_torchrun').main(['1', 'train.py']) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1


@pytest.mark.slow
def test_two_nodes_train_as_one_process(shell, run_tool, tmp_path):
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
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'one') == 0
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


@pytest.mark.parametrize(
    ('launcher', 'variables'),
    [
        ('slurm', {'SLURM_PROCID': '0', 'SLURM_NTASKS': '1', 'SLURM_LOCALID': '0'}),
        ('mpi', dict.fromkeys(('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK'), '0') | {MPI_SIZE: '1'}),
    ],
)
def test_other_launchers_connect_without_gpus(launcher, variables, run_tool, monkeypatch):
    monkeypatch.setenv('MASTER_PORT', '0')  # alone, a process needs no port that others know
    monkeypatch.delenv('MASTER_ADDR', raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    try:
        assert run_tool('train', TOY_CONFIG, '--launcher', launcher, '--work-dir', 'run') == 0
        assert (os.environ['RANK'], os.environ['WORLD_SIZE'], os.environ['MASTER_ADDR']) == ('0', '1', '127.0.0.1')
        assert torch.distributed.get_backend() == 'gloo'
    finally:
        torch.distributed.destroy_process_group()
        monkeypatch.delenv('MASTER_ADDR', raising=False)
    assert weights(Path('run/iter_4.pth')).shape == (3, 1)


def test_slurm_tasks_on_several_nodes_meet_on_the_first(tool, monkeypatch, tmp_path):
    tool('train')
    from _runner import _first_slurm_node

    (tmp_path / 'scontrol').write_text(
        '#!/usr/bin/env bash\n[ "$*" = "show hostnames n[3-4]" ] && echo n3 && echo n4\n'
    )
    (tmp_path / 'scontrol').chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    monkeypatch.setenv('SLURM_NNODES', '2')
    monkeypatch.setenv('SLURM_NODELIST', 'n[3-4]')
    assert _first_slurm_node() == 'n3'
