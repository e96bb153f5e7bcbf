"""Every mistake that a user can make at train and test is one line on stderr and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from .conftest import TOY_CONFIG

TRAINING = {
    'config-misspelt': (['mask-rcnn_r18_fpn_ce_random-ss-800_glyphs.py'], 'did you mean'),
    'config-unlike-any': (['qqq.py'], 'config file not found: qqq.py; the configs of this package are in'),
    'config-no-config': (['notes.txt'], 'expected one that ends in .py'),
    'config-syntax': (['syntax.py'], 'cannot read config syntax.py'),
    'config-name': (['name.py'], "name 'undefined_name' is not defined"),
    'config-base': (['base.py'], 'nowhere.py'),
    'config-import': (['import.py'], 'cannot read config import.py'),
    'config-incomplete': (['incomplete.py'], 'train_dataloader'),
    'option-unknown': ([TOY_CONFIG, '--sed', '3'], '--sed'),
    'seed-negative': ([TOY_CONFIG, '--seed', '-1'], 'found -1, expected a whole number, at least 0'),
    'device-without-gpu': ([TOY_CONFIG, '--device', 'cuda'], 'PyTorch sees no GPU'),
    'amp-on-cpu': ([TOY_CONFIG, '--amp'], '--amp needs a GPU'),
    'scale-without-base': ([TOY_CONFIG, '--auto-scale-lr'], 'add auto_scale_lr=dict(base_batch_size=16)'),
    'scale-base-zero': (
        [TOY_CONFIG, '--auto-scale-lr', '--cfg-options', 'auto_scale_lr.base_batch_size=0'],
        'the config has base_batch_size=0',
    ),
    'accumulate-zero': ([TOY_CONFIG, '--accumulate', '0'], 'found 0, expected a whole number, at least 1'),
    'accumulate-many': (
        [TOY_CONFIG, '--accumulate', '2', '--cfg-options', 'optim_wrapper.type=OptimWrapperDict'],
        'which OptimWrapperDict may not have',
    ),
    'launcher-by-hand': ([TOY_CONFIG, '--launcher', 'pytorch'], 'start through tools/dist_train.sh'),
    'slurm-by-hand': ([TOY_CONFIG, '--launcher', 'slurm'], 'SLURM_PROCID is not set'),
    'resume-missing': ([TOY_CONFIG, '--resume', 'none.pth'], 'checkpoint not found: none.pth; that folder holds'),
    'resume-cut': ([TOY_CONFIG, '--resume', 'cut.pth'], 'cut.pth is no checkpoint, or was cut short'),
    'work-dir-is-file': ([TOY_CONFIG, '--work-dir', 'notes.txt'], 'notes.txt'),
    'load-from-missing': ([TOY_CONFIG, '--cfg-options', 'load_from=none.pth'], 'none.pth'),
    'set-no-value': ([TOY_CONFIG, '--cfg-options', 'train_cfg.max_iters', '9'], "expected KEY=VALUE, got 'train_cfg"),
    'set-brackets': ([TOY_CONFIG, '--cfg-options', 'model.x=[1,(2]'], 'Imbalanced brackets'),
    'set-misspelt': ([TOY_CONFIG, '--cfg-options', 'train_confg.max_iters=1'], 'did you mean train_cfg?'),
    'set-unlike-any': ([TOY_CONFIG, '--cfg-options', 'qqq=1'], "the config has no 'qqq'; it has custom_imports,"),
    'set-below-value': ([TOY_CONFIG, '--cfg-options', 'model.type.x=1'], '--cfg-options does not fit'),
    'set-misspelt-leaf': ([TOY_CONFIG, '--cfg-options', 'model.idl=True'], "unexpected keyword argument 'idl'"),
    'set-optimizer': ([TOY_CONFIG, '--cfg-options', 'optim_wrapper.optimizer.lrr=1'], "keyword argument 'lrr'"),
    'type-misspelt': ([TOY_CONFIG, '--cfg-options', 'model.type=ToyDetectr'], 'did you mean ToyDetector?'),
    'type-unlike-any': ([TOY_CONFIG, '--cfg-options', 'model.type=Qqqqqqqqq'], 'custom_imports'),
    'classes-differ': (
        [TOY_CONFIG, '--cfg-options', 'model.bbox_head.num_classes=7'],
        'the train dataset has 3 classes, but model.bbox_head.num_classes=7; set num_classes=3',
    ),
}

TESTING = {
    'checkpoint-missing': ([TOY_CONFIG, 'none.pth'], 'checkpoint not found: none.pth'),
    'checkpoint-cut': ([TOY_CONFIG, 'cut.pth'], 'cut.pth is no checkpoint'),
    'arguments-swapped': (['toy.pth', TOY_CONFIG], 'expected one that ends in .py'),
    'checkpoint-other-model': ([TOY_CONFIG, 'other.pth'], 'it holds backbone.weight and the like'),
    'checkpoint-other-classes': ([TOY_CONFIG, 'five.pth'], 'bbox_head.fc.weight: (5, 1), in the model (3, 1)'),
    'classes-differ': (
        [TOY_CONFIG, 'toy.pth', '--cfg-options', 'test_dataloader.dataset.num_classes=4'],
        'the test dataset has 4 classes, but model.bbox_head.num_classes=3',
    ),
    'eval-unknown': ([TOY_CONFIG, 'toy.pth', '--eval', 'boxes'], "invalid choice: 'boxes'"),
    'eval-no-choice': (
        [TOY_CONFIG, 'toy.pth', '--eval', 'bbox', '--cfg-options', 'test_evaluator.0.type=ToyCount'],
        'no test_evaluator of the config has a choice of metric',
    ),
    'out-suffix': (
        [TOY_CONFIG, 'toy.pth', '--out', 'results.txt'],
        '--out results.txt: expected a name that ends in .json, .npz, .pkl, .pickle',
    ),
    'nothing-to-test': ([TOY_CONFIG], 'give a checkpoint to test, or --results FILE.npz'),
    'results-missing': (
        [TOY_CONFIG, '--results', 'none.pkl'],
        'no file none.pkl; --results wants what longtail-det test',
    ),
    'results-no-pickle': ([TOY_CONFIG, '--results', 'notes.txt'], 'notes.txt is no pickle, or was cut short'),
    'results-and-model': (
        [TOY_CONFIG, 'toy.pth', '--results', 'notes.txt'],
        'runs no model, in one process; leave out CHE',
    ),
    'format-nowhere': ([TOY_CONFIG, 'toy.pth', '--format-only'], 'say where with --out FILE.json or FILE.npz'),
    'out-without-ids': ([TOY_CONFIG, 'toy.pth', '--out', 'r.json'], 'ToyDataset has no cat_ids'),
    'no-display': ([TOY_CONFIG, 'toy.pth', '--show'], 'no display'),
    'no-visualizer': ([TOY_CONFIG, 'toy.pth', '--show-dir', 'drawn'], 'default_hooks.visualization'),
    'no-test-set': (['incomplete.py', 'toy.pth'], 'incomplete.py has no test set'),
}


@pytest.fixture
def wrong_files(tmp_path, toy_checkpoint, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = {
        'notes.txt': 'not a config',
        'syntax.py': 'model = dict(',
        'name.py': 'model = undefined_name',
        'base.py': "_base_ = './nowhere.py'",
        'import.py': "custom_imports = dict(imports=['module_that_is_not_there'], allow_failed_imports=False)",
        'incomplete.py': (
            "custom_imports = dict(imports=['toy_detector'], allow_failed_imports=False)\n"
            "model = dict(type='ToyDetector', bbox_head=dict(num_classes=3))\ntrain_cfg = dict(by_epoch=True)\n"
        ),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    whole = Path(toy_checkpoint).read_bytes()
    (tmp_path / 'toy.pth').write_bytes(whole)
    (tmp_path / 'cut.pth').write_bytes(whole[: len(whole) // 2])
    torch.save({'state_dict': {'backbone.weight': torch.zeros(1)}}, tmp_path / 'other.pth')
    five = {'bbox_head.fc.weight': torch.ones(5, 1), 'bbox_head.fc.bias': torch.zeros(5)}
    torch.save({'state_dict': five}, tmp_path / 'five.pth')


@pytest.mark.parametrize(
    ('name', 'args', 'message'),
    [pytest.param('train', *case, id=f'train-{id_}') for id_, case in TRAINING.items()]
    + [pytest.param('test', *case, id=f'test-{id_}') for id_, case in TESTING.items()],
)
def test_a_mistake_is_one_line(name, args, message, run, wrong_files, capfd):
    assert run(name, *args) == 2
    lines = capfd.readouterr().err.splitlines()
    assert message in lines[-1], lines[-1]
    assert ': error: ' in lines[-1]
    assert not any('Traceback' in line for line in lines)


@pytest.mark.parametrize('workers', [0, 1])
def test_a_bad_sample_in_the_first_batch_is_one_line(workers, run, capfd, monkeypatch):
    monkeypatch.setenv('TOY_FAILS_AT', '0')
    options = [f'train_dataloader.num_workers={workers}', 'train_dataloader.sampler.shuffle=False']
    assert run('train', TOY_CONFIG, '--cfg-options', *options) == 2
    assert 'no image 0' in capfd.readouterr().err.splitlines()[-1]


def test_a_bug_in_a_training_step_keeps_its_traceback(run):
    with pytest.raises(ValueError, match='a bug inside the training step'):
        run('train', TOY_CONFIG, '--cfg-options', 'model.broken=True')


def test_the_traceback_of_a_mistake_can_be_seen(run, monkeypatch):
    monkeypatch.setenv('LONGTAIL_DET_TRACEBACK', '1')
    with pytest.raises(KeyError, match='ToyDetectr'):
        run('train', TOY_CONFIG, '--cfg-options', 'model.type=ToyDetectr')


@pytest.mark.slow
def test_overriding_a_used_up_variable_names_the_keys_that_count(run, capfd):
    assert run('train', TOY_CONFIG, '--cfg-options', 'num_classes=4') == 0
    note = next(line for line in capfd.readouterr().err.splitlines() if line.startswith('note: '))
    assert 'model.bbox_head.num_classes, train_dataloader.dataset.num_classes' in note
