"""The checks that come before the first step, and how processes find each other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from longtail_det.cli import train
from longtail_det.cli.errors import UserError
from longtail_det.cli.runner import first_slurm_node, prepare_processes

from .conftest import TOY_CONFIG

MPI_SIZE = 'OMPI_COMM_WORLD_SIZE'


def test_a_worker_without_a_gpu_of_its_own_is_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    for name, value in {'RANK': '2', 'WORLD_SIZE': '3', 'LOCAL_RANK': '2'}.items():
        monkeypatch.setenv(name, value)
    args = train.build_parser().parse_args(['c.py', '--launcher', 'pytorch'])
    with pytest.raises(UserError, match='process 3 on this machine has no GPU: there are 2'):
        prepare_processes(Config(), args, 'cuda')


@pytest.mark.parametrize(
    ('launcher', 'variables'),
    [
        ('slurm', {'SLURM_PROCID': '0', 'SLURM_NTASKS': '1', 'SLURM_LOCALID': '0'}),
        ('mpi', dict.fromkeys(('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK'), '0') | {MPI_SIZE: '1'}),
    ],
)
def test_other_launchers_connect_without_gpus(launcher, variables, run, monkeypatch):
    monkeypatch.setenv('MASTER_PORT', '0')  # alone, a process needs no port that others know
    monkeypatch.delenv('MASTER_ADDR', raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    try:
        assert run('train', TOY_CONFIG, '--launcher', launcher, '--work-dir', 'run') == 0
        assert (os.environ['RANK'], os.environ['WORLD_SIZE'], os.environ['MASTER_ADDR']) == ('0', '1', '127.0.0.1')
        assert torch.distributed.get_backend() == 'gloo'
    finally:
        torch.distributed.destroy_process_group()
        monkeypatch.delenv('MASTER_ADDR', raising=False)
    assert Path('run/iter_4.pth').is_file()


def test_slurm_tasks_on_several_nodes_meet_on_the_first(monkeypatch, tmp_path):
    (tmp_path / 'scontrol').write_text(
        '#!/usr/bin/env bash\n[ "$*" = "show hostnames n[3-4]" ] && echo n3 && echo n4\n'
    )
    (tmp_path / 'scontrol').chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    monkeypatch.setenv('SLURM_NNODES', '2')
    monkeypatch.setenv('SLURM_NODELIST', 'n[3-4]')
    assert first_slurm_node() == 'n3'


@pytest.mark.parametrize('is_main', [True, False])
def test_one_process_writes_the_numbers_of_a_test(is_main, run, monkeypatch):
    assert run('train', TOY_CONFIG, '--work-dir', 'run') == 0
    monkeypatch.setattr('longtail_det.cli.runner.is_main_process', lambda: is_main)
    assert run('test', TOY_CONFIG, 'run/iter_4.pth', '--work-dir', 'out', '--eval', 'bbox') == 0
    assert len([*Path('out').glob('*/*.json')]) == is_main
