"""The commands of a run of a study."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from longtail_det.cli.study_commands import Commands, best_strength
from longtail_det.reports.study import Run, parse_study, study_runs

CLI = [sys.executable, '-m', 'longtail_det']


@pytest.fixture
def study(tmp_path):
    trained = [
        {'method': 'ce', 'sampler': 'random'},
        {'method': 'crt', 'sampler': 'random', 'first_stage': 'ce_random'},
        {'method': 'seesaw', 'sampler': 'random', 'variant': 'two', 'processes': 2, 'options': ['model.sync=True']},
    ]
    tested = [{'of': 'ce_random', 'calibration': ['norcal', 'norcal-best', 'logn']}]
    values = {
        'title': 'A study', 'config': '{method}_{sampler}.py', 'train_ann': 'train.json', 'test_ann': 'test.json',
        'work_dir': str(tmp_path), 'seeds': [3], 'baseline': 'ce_random', 'options': ['val_cfg=None'], 'threads': 1,
        'sections': [{'title': 'A', 'runs': trained}, {'title': 'B', 'runs': tested}],
    }  # fmt: skip
    return parse_study(values, 'study.yml')


@pytest.fixture
def commands(study, tmp_path):
    """The commands of each step by run and step, where the first training is done."""
    (tmp_path / 'ce_random/seed_3').mkdir(parents=True)
    (tmp_path / 'ce_random/seed_3/last_checkpoint').write_text('/elsewhere/iter_600.pth')
    (tmp_path / 'ce_random+search/seed_3').mkdir(parents=True)
    tried = {'none': {'AP': 0.9}, 'norcal gamma=0.4': {'AP': 0.5}, 'norcal gamma=0.6': {'AP': 0.6}}
    (tmp_path / 'ce_random+search/seed_3/calibration.json').write_text(json.dumps({'search': tried}))
    runs = list(study_runs(study))
    maker = Commands(study, runs, 'cpu')
    for run in runs:
        if not run.of and run.name != 'ce_random':
            run.folder.mkdir(parents=True)
            (run.folder / 'last_checkpoint').write_text('iter_600.pth')
    return {(run.name, step.name): list(step.command()) for run in runs for step in maker.steps(run)}


def test_a_training_goes_on_where_it_stopped(commands, tmp_path):
    folder = str(tmp_path / 'ce_random/seed_3')
    assert commands['ce_random', 'train'] == [
        *CLI, 'train', 'ce_random.py', '--work-dir', folder, '--resume', '--device', 'cpu',
        '--cfg-options', 'val_cfg=None', 'randomness.seed=3',
    ]  # fmt: skip


def test_the_test_takes_the_last_checkpoint_wherever_the_folder_is_now(commands, tmp_path):
    folder = tmp_path / 'ce_random/seed_3'
    assert commands['ce_random', 'test'] == [
        *CLI, 'test', 'ce_random.py', str(folder / 'iter_600.pth'), '--work-dir', str(folder), '--device', 'cpu',
        '--out', str(folder / 'results.json'),
    ]  # fmt: skip


def test_a_second_stage_is_given_the_first_of_its_seed(commands, tmp_path):
    command = commands['crt_random', 'train']
    assert command[command.index('--first-stage') + 1] == str(tmp_path / 'ce_random/seed_3')


def test_several_processes_start_through_torchrun(commands):
    command = commands['seesaw_random+two', 'train']
    assert command[:8] == [
        sys.executable,
        '-m',
        'longtail_det.cli.torchrun',
        '2',
        '-m',
        'longtail_det',
        'train',
        'seesaw_random.py',
    ]
    assert command[command.index('--launcher') + 1] == 'pytorch'
    assert command[-1] == 'model.sync=True'
    assert commands['seesaw_random+two', 'test'][-2:] == ['--cfg-options', 'model.sync=True']


def calibration(command):
    return command[command.index('--calibration') + 1 :]


def test_a_calibration_is_tested_at_its_default_and_at_its_best(commands, tmp_path):
    assert calibration(commands['ce_random+norcal', 'test']) == ['norcal', '--ann', 'train.json']
    assert calibration(commands['ce_random+norcal-best', 'test']) == ['norcal', 'gamma=0.6', '--ann', 'train.json']
    search = commands['ce_random+search', 'calibrate']
    assert search[3:6] == ['calibrate', 'ce_random.py', str(tmp_path / 'ce_random/seed_3/iter_600.pth')]
    assert '--no-test' in search


def test_logn_gathers_its_statistics_first(commands, tmp_path):
    assert calibration(commands['ce_random+logn', 'calibrate']) == ['logn']
    test = commands['ce_random+logn', 'test']
    assert test[5] == str(tmp_path / 'ce_random+logn/seed_3/calibrated.pth')
    assert calibration(test) == ['logn']


def test_a_calibration_without_strength_has_no_best(tmp_path):
    path = tmp_path / 'calibration.json'
    path.write_text(json.dumps({'search': {'none': {'AP': 0.4}}}))
    with pytest.raises(ValueError, match='holds no strength of logn; it has none to search, leave out -best'):
        best_strength(path, 'logn')


def test_each_run_of_a_machine_has_its_own_gpu(study, monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '2,5,7')
    from longtail_det.cli import study_commands

    study_commands._visible_gpus.cache_clear()
    run, two = (Run('a', 'a', 'A', 'a.py', 0, Path('a'), processes=count) for count in (1, 2))
    gpu, cpu = (Commands(study, [run], device, jobs=4) for device in ('auto', 'cpu'))
    assert [gpu.environment(run, slot)['CUDA_VISIBLE_DEVICES'] for slot in range(4)] == ['2', '5', '7', '2']
    assert gpu.environment(two, 1)['CUDA_VISIBLE_DEVICES'] == '7,2'
    assert cpu.environment(run, 1)['CUDA_VISIBLE_DEVICES'] == '2,5,7'
    assert gpu.environment(run, 0)['OMP_NUM_THREADS'] == '1'
    study_commands._visible_gpus.cache_clear()
