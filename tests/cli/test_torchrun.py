"""torchrun as dist_train.sh and dist_test.sh start it: GPUs, ports, nodes, and the error of a worker."""

from __future__ import annotations

import os
import socket
import sys

import pytest
import torch

from longtail_det.cli import torchrun

# A script that reports as the commands do, without their slow imports.
WORKER = """import os, sys
from longtail_det.cli.errors import UserError, one_line_errors
@one_line_errors
def main():
    {body}
sys.exit(main())
"""


def test_an_error_of_the_workers_is_said_once(shell, tmp_path):
    worker = tmp_path / 'worker.py'
    worker.write_text(WORKER.format(body="raise UserError('no such dataset')"))
    done = shell(sys.executable, '-m', 'longtail_det.cli.torchrun', '2', worker)
    assert (done.returncode, done.stderr) == (2, 'worker.py: error: no such dataset\n')


@pytest.mark.parametrize(
    ('body', 'code', 'output'),
    [('raise KeyError(8)', 1, 'KeyError: 8'), ('sys.exit(7)', 7, ''), ('os.kill(os.getpid(), 9)', 137, '')],
)
def test_a_worker_that_fails_otherwise_is_named(body, code, output, shell, tmp_path):
    worker = tmp_path / 'worker.py'
    worker.write_text(WORKER.format(body=body))
    done = shell(sys.executable, '-m', 'longtail_det.cli.torchrun', '1', worker)
    assert done.returncode == code
    assert output in done.stderr
    assert 'process 0 ' in done.stderr.splitlines()[-1]


def test_a_port_in_use_is_one_line(shell, tmp_path):
    worker = tmp_path / 'worker.py'
    worker.write_text('')
    with socket.socket() as other:
        other.bind(('127.0.0.1', 0))
        other.listen()
        done = shell(sys.executable, '-m', 'longtail_det.cli.torchrun', '1', worker, PORT=str(other.getsockname()[1]))
    assert done.returncode == 2
    assert 'set PORT to a free one' in done.stderr.splitlines()[-1]
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize('number', ['0', '-1', 'two', '1.5'])
def test_the_number_of_processes_is_a_number(number, capsys):
    assert torchrun.main([number, 'train.py']) == 2
    assert repr(number) in capsys.readouterr().err


def test_more_gpus_than_there_are_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    assert torchrun.main(['4', 'train.py']) == 2
    assert '4 GPUs asked for, and this machine shows 2' in capsys.readouterr().err
    torchrun.check_gpus(2, on_cpu=False)
    torchrun.check_gpus(4, on_cpu=True)


@pytest.mark.parametrize(('processes', 'threads'), [(1, 6), (4, 1), (2, 3), (100, 1)])
def test_cpu_processes_share_the_cores(processes, threads, monkeypatch):
    for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(6)))
    torchrun.check_gpus(processes, on_cpu=True)
    assert (os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS']) == (str(threads), str(threads))
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    torchrun.check_gpus(processes, on_cpu=True)
    assert os.environ['OMP_NUM_THREADS'] == '5'


def test_a_single_node_takes_a_free_port():
    options = dict(option.split('=') for option in torchrun.torchrun_options('2', {}))
    assert options['--nnodes'] == '1'
    assert options['--master-addr'] == '127.0.0.1'
    assert int(options.pop('--master-port')) > 1023


def test_several_nodes_follow_the_environment():
    environment = {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'node0'}
    options = torchrun.torchrun_options('8', environment)
    assert options == [
        '--nnodes=2',
        '--node-rank=1',
        '--master-addr=node0',
        '--master-port=29500',
        '--nproc-per-node=8',
    ]
    assert '--master-port=7' in torchrun.torchrun_options('8', environment | {'PORT': '7'})


def test_several_nodes_need_an_address(monkeypatch, capsys):
    monkeypatch.setenv('NNODES', '2')
    monkeypatch.delenv('MASTER_ADDR', raising=False)
    assert torchrun.main(['1', 'train.py']) == 2
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
def test_nodes_that_could_not_meet_are_one_line(variables, message, monkeypatch, capsys):
    for name, value in ({'NNODES': '2', 'MASTER_ADDR': 'node0'} | variables).items():
        monkeypatch.setenv(name, value)
    assert torchrun.main(['1', 'train.py']) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1
