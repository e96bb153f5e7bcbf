"""Two processes train RIO for 30 steps, each with its own bank, and resume to identical banks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

WORKER = Path(__file__).with_name('rio_worker.py')


@pytest.mark.slow
def test_two_processes_resume_to_identical_banks(tmp_path):
    outputs = [tmp_path / f'{rank}.pth' for rank in range(2)]
    commands = [
        [sys.executable, str(WORKER), str(rank), '2', str(tmp_path / 'rendezvous'), str(outputs[rank])]
        for rank in range(2)
    ]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    first, second = (torch.load(path) for path in outputs)
    bank = {name for name in first['trained'] if '.bank.' in name}
    parameters = {name for name in first['trained'] if '.fc' in name or '.shared' in name}

    def same(stage, names):
        return all(torch.equal(first[stage][name], second[stage][name]) for name in names)

    assert first['trained']['head.bank.class_of_row'].tolist() == [0, 1, 2, 6]
    assert (first['trained']['head.bank.written'] > 5).all()  # every ring went round
    assert same('trained', parameters)
    assert not same('trained', bank)  # each rank stores its own RoIs
    for rank in (first, second):
        torch.testing.assert_close(rank['checkpoint'], first['trained'], rtol=0, atol=0)
        torch.testing.assert_close(rank['resumed'], first['trained'], rtol=0, atol=0)
    assert same('continued', parameters)
    assert not torch.equal(first['continued']['head.fc_cls.weight'], first['resumed']['head.fc_cls.weight'])
