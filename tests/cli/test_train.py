"""What each argument of train does to a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from longtail_det.cli import train
from longtail_det.cli.errors import UserError

from .conftest import TOY_CONFIG


def weights(work_dir: str | Path, iteration: int = 4) -> torch.Tensor:
    return torch.load(Path(work_dir) / f'iter_{iteration}.pth')['state_dict']['bbox_head.fc.weight']


def test_training_writes_checkpoints_into_the_default_work_dir(run):
    assert run('train', TOY_CONFIG) == 0
    assert weights('work_dirs/toy_config').shape == (3, 1)


def test_options_reach_the_run(run):
    assert run('train', TOY_CONFIG, '--work-dir', 'a', '--cfg-options', 'train_cfg.max_iters=6') == 0
    assert weights('a', 6).shape == (3, 1)


def test_a_seed_fixes_the_run_and_another_changes_it(run):
    for name, seed in (('a', 5), ('b', 5), ('c', 6)):
        assert run('train', TOY_CONFIG, '--work-dir', name, '--seed', seed) == 0
    torch.testing.assert_close(weights('a'), weights('b'), rtol=0, atol=0)
    assert not torch.equal(weights('a'), weights('c'))


def test_the_seed_of_the_config_holds_where_none_is_given(run):
    assert run('train', TOY_CONFIG, '--work-dir', 'a') == 0
    assert run('train', TOY_CONFIG, '--work-dir', 'b', '--seed', '0') == 0
    torch.testing.assert_close(weights('a'), weights('b'), rtol=0, atol=0)


def test_a_config_may_say_nothing_of_randomness(run):
    assert run('train', TOY_CONFIG, '--work-dir', 'a', '--cfg-options', 'randomness=None') == 0


def test_deterministic_turns_torch_deterministic(run):
    try:
        assert run('train', TOY_CONFIG, '--deterministic') == 0
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = False


@pytest.mark.parametrize('resume', [[], ['a/iter_2.pth']], ids=['latest', 'named'])
def test_a_resumed_run_ends_where_an_unbroken_one_does(resume, run):
    assert run('train', TOY_CONFIG, '--work-dir', 'whole') == 0
    # the learning rate of the toy depends on the iteration, so a scheduler that starts anew would show
    assert run('train', TOY_CONFIG, '--work-dir', 'a', '--cfg-options', 'train_cfg.max_iters=2') == 0
    assert run('train', TOY_CONFIG, '--work-dir', 'a', '--resume', *resume) == 0
    torch.testing.assert_close(weights('a'), weights('whole'), rtol=0, atol=0)


def test_resuming_from_nothing_says_so_and_trains(run):
    assert run('train', TOY_CONFIG, '--work-dir', 'fresh', '--resume') == 0
    (log,) = Path('fresh').glob('*/*.log')
    assert re.search('--resume: no checkpoint in .*fresh, training starts from the beginning', log.read_text())
    assert weights('fresh').shape == (3, 1)


def test_scaling_the_learning_rate(run):
    scale = ['--auto-scale-lr', '--cfg-options', 'auto_scale_lr.base_batch_size=4']
    assert run('train', TOY_CONFIG, '--work-dir', 'a', *scale) == 0
    halved = 'optim_wrapper.optimizer.lr=0.0005'  # a batch of 2 where the rate was made for 4
    assert run('train', TOY_CONFIG, '--work-dir', 'b', '--cfg-options', halved) == 0
    torch.testing.assert_close(weights('a'), weights('b'))


def test_accumulated_batches_are_one_large_batch(run):
    constant = ['--cfg-options', 'param_scheduler=[]']
    halves = ['train_dataloader.batch_size=1', 'train_cfg.max_iters=8']
    assert run('train', TOY_CONFIG, '--work-dir', 'a', *constant) == 0
    assert run('train', TOY_CONFIG, '--work-dir', 'b', '--accumulate', '2', *constant, *halves) == 0
    torch.testing.assert_close(weights('a'), weights('b', 8))
    assert run('train', TOY_CONFIG, '--work-dir', 'c', *constant, *halves) == 0
    assert not torch.allclose(weights('a'), weights('c', 8))


def second_stage(name='toy_config'):
    """A toy whose weights stay as they are loaded."""
    config = Path('second.py')
    hook = dict(type='mmdet.FirstStageHook', first_stage=name)
    config.write_text(
        f'_base_ = [{TOY_CONFIG!r}]\ncustom_hooks = [{hook}]\noptim_wrapper = dict(optimizer=dict(lr=0.0))\n'
    )
    return config


def test_a_second_stage_finds_the_first_by_the_name_of_its_config(run):
    assert run('train', TOY_CONFIG) == 0
    assert run('train', second_stage()) == 0
    torch.testing.assert_close(weights('work_dirs/second'), weights('work_dirs/toy_config'), rtol=0, atol=0)


@pytest.mark.parametrize('place', ['elsewhere', 'elsewhere/iter_2.pth'])
def test_a_second_stage_takes_the_first_from_where_it_is_told(place, run):
    assert run('train', TOY_CONFIG, '--work-dir', 'elsewhere') == 0
    assert run('train', second_stage(), '--resume', '--first-stage', place) == 0
    expected = weights('elsewhere', 2 if place.endswith('.pth') else 4)
    torch.testing.assert_close(weights('work_dirs/second'), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([], r'error: this config goes on from the first stage toy_config, but .*work_dirs/toy_config does not exist'),
        (['--first-stage', 'nowhere'], 'error: --first-stage nowhere: no such file or folder'),
    ],
)
def test_a_missing_first_stage_is_one_line(arguments, message, run, capsys):
    assert run('train', second_stage(), *arguments) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(message, last)


def test_a_first_stage_for_a_config_without_one_is_one_line(run, capsys):
    assert run('train', TOY_CONFIG, '--first-stage', '.') == 2
    assert 'the config is of no second stage: it has no FirstStageHook' in capsys.readouterr().err


@pytest.mark.parametrize(
    'accumulate', [['--accumulate', '2'], ['--cfg-options', 'optim_wrapper.accumulative_counts=2']]
)
def test_scaling_the_learning_rate_counts_accumulated_batches(accumulate, run):
    scale = ['--auto-scale-lr', '--cfg-options', 'auto_scale_lr.base_batch_size=8']
    assert run('train', TOY_CONFIG, '--work-dir', 'a', *accumulate, *scale) == 0
    halved = 'optim_wrapper.optimizer.lr=0.0005'  # 2 x 2 images an update where the rate was made for 8
    assert run('train', TOY_CONFIG, '--work-dir', 'b', *accumulate, '--cfg-options', halved) == 0
    torch.testing.assert_close(weights('a'), weights('b'))
    # the config that a run leaves behind does the same again
    assert run('train', 'a/toy_config.py', '--work-dir', 'again') == 0
    torch.testing.assert_close(weights('again'), weights('b'))
    (log,) = Path('a').glob('*/*.log')
    assert '4 images per update of the weights: 2 a batch x 1 processes x 2 batches' in log.read_text()


def test_amp_and_accumulation_go_together():
    cfg = Config({'optim_wrapper': {'optimizer': {'type': 'SGD'}}})
    train.enable_amp(cfg, 'cuda')
    train.accumulate(cfg, 3)
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.accumulative_counts) == ('AmpOptimWrapper', 3)


def test_amp_chooses_the_mixed_precision_optimizer():
    cfg = Config({'optim_wrapper': {'optimizer': {'type': 'SGD'}}})
    train.enable_amp(cfg, 'cuda')
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.optim_wrapper.loss_scale == 'dynamic'


def test_amp_keeps_the_loss_scale_of_a_config_that_has_one():
    cfg = Config({'optim_wrapper': {'type': 'AmpOptimWrapper', 'loss_scale': {'init_scale': 512}}})
    train.enable_amp(cfg, 'cuda')
    assert cfg.optim_wrapper.loss_scale == {'init_scale': 512}


def test_amp_does_not_replace_an_optimizer_of_another_kind():
    with pytest.raises(UserError, match='has ApexOptimWrapper'):
        train.enable_amp(Config({'optim_wrapper': {'type': 'ApexOptimWrapper'}}), 'cuda')
