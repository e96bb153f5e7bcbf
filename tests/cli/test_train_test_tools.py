"""train.py and test.py: what each argument does to a run."""

from __future__ import annotations

import doctest
import importlib
import json
import pickle
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from .conftest import TOY_CONFIG


def weights(work_dir: str | Path, iteration: int = 4) -> torch.Tensor:
    return torch.load(Path(work_dir) / f'iter_{iteration}.pth')['state_dict']['bbox_head.fc.weight']


def metrics(work_dir: str | Path) -> dict[str, float]:
    (path,) = Path(work_dir).glob('*/*.json')
    return json.loads(path.read_text())


def test_training_writes_checkpoints_into_the_default_work_dir(run_tool):
    assert run_tool('train', TOY_CONFIG) == 0
    assert weights('work_dirs/toy_config').shape == (3, 1)


def test_options_reach_the_run(run_tool):
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'a', '--cfg-options', 'train_cfg.max_iters=6') == 0
    assert weights('a', 6).shape == (3, 1)


def test_a_seed_fixes_the_run_and_another_changes_it(run_tool):
    for name, seed in (('a', 5), ('b', 5), ('c', 6)):
        assert run_tool('train', TOY_CONFIG, '--work-dir', name, '--seed', seed) == 0
    torch.testing.assert_close(weights('a'), weights('b'), rtol=0, atol=0)
    assert not torch.equal(weights('a'), weights('c'))


def test_the_seed_of_the_config_holds_where_none_is_given(run_tool):
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'a') == 0
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'b', '--seed', '0') == 0
    torch.testing.assert_close(weights('a'), weights('b'), rtol=0, atol=0)


def test_a_config_may_say_nothing_of_randomness(run_tool):
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'a', '--cfg-options', 'randomness=None') == 0


def test_deterministic_turns_torch_deterministic(run_tool):
    try:
        assert run_tool('train', TOY_CONFIG, '--deterministic') == 0
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = False


@pytest.mark.parametrize('resume', [[], ['a/iter_2.pth']], ids=['latest', 'named'])
def test_a_resumed_run_ends_where_an_unbroken_one_does(resume, run_tool):
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'whole') == 0
    # the learning rate of the toy depends on the iteration, so a scheduler that starts anew would show
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'a', '--cfg-options', 'train_cfg.max_iters=2') == 0
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'a', '--resume', *resume) == 0
    torch.testing.assert_close(weights('a'), weights('whole'), rtol=0, atol=0)


def test_resuming_from_nothing_says_so_and_trains(run_tool):
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'fresh', '--resume') == 0
    (log,) = Path('fresh').glob('*/*.log')
    assert re.search('--resume: no checkpoint in .*fresh, training starts from the beginning', log.read_text())
    assert weights('fresh').shape == (3, 1)


def test_scaling_the_learning_rate(run_tool):
    scale = ['--auto-scale-lr', '--cfg-options', 'auto_scale_lr.base_batch_size=4']
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'a', *scale) == 0
    halved = 'optim_wrapper.optimizer.lr=0.0005'  # a batch of 2 where the rate was made for 4
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'b', '--cfg-options', halved) == 0
    torch.testing.assert_close(weights('a'), weights('b'))


def test_accumulated_batches_are_one_large_batch(run_tool):
    constant = ['--cfg-options', 'param_scheduler=[]']
    halves = ['train_dataloader.batch_size=1', 'train_cfg.max_iters=8']
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'a', *constant) == 0
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'b', '--accumulate', '2', *constant, *halves) == 0
    torch.testing.assert_close(weights('a'), weights('b', 8))
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'c', *constant, *halves) == 0
    assert not torch.allclose(weights('a'), weights('c', 8))


@pytest.mark.parametrize(
    'accumulate', [['--accumulate', '2'], ['--cfg-options', 'optim_wrapper.accumulative_counts=2']]
)
def test_scaling_the_learning_rate_counts_accumulated_batches(accumulate, run_tool):
    scale = ['--auto-scale-lr', '--cfg-options', 'auto_scale_lr.base_batch_size=8']
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'a', *accumulate, *scale) == 0
    halved = 'optim_wrapper.optimizer.lr=0.0005'  # 2 x 2 images an update where the rate was made for 8
    assert run_tool('train', TOY_CONFIG, '--work-dir', 'b', *accumulate, '--cfg-options', halved) == 0
    torch.testing.assert_close(weights('a'), weights('b'))
    # the config that a run leaves behind does the same again
    assert run_tool('train', 'a/toy_config.py', '--work-dir', 'again') == 0
    torch.testing.assert_close(weights('again'), weights('b'))
    (log,) = Path('a').glob('*/*.log')
    assert '4 images per update of the weights: 2 a batch x 1 processes x 2 batches' in log.read_text()


def test_amp_and_accumulation_go_together(tool):
    from mmengine.config import Config

    module = tool('train')
    cfg = Config({'optim_wrapper': {'optimizer': {'type': 'SGD'}}})
    module._enable_amp(cfg, 'cuda')
    module._accumulate(cfg, 3)
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.accumulative_counts) == ('AmpOptimWrapper', 3)


def test_amp_chooses_the_mixed_precision_optimizer(tool):
    from mmengine.config import Config

    cfg = Config({'optim_wrapper': {'optimizer': {'type': 'SGD'}}})
    tool('train')._enable_amp(cfg, 'cuda')
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.optim_wrapper.loss_scale == 'dynamic'


def test_amp_keeps_the_loss_scale_of_a_config_that_has_one(tool):
    from mmengine.config import Config

    cfg = Config({'optim_wrapper': {'type': 'AmpOptimWrapper', 'loss_scale': {'init_scale': 512}}})
    tool('train')._enable_amp(cfg, 'cuda')
    assert cfg.optim_wrapper.loss_scale == {'init_scale': 512}


def test_amp_does_not_replace_an_optimizer_of_another_kind(tool):
    from _cli import UserError
    from mmengine.config import Config

    with pytest.raises(UserError, match='has ApexOptimWrapper'):
        tool('train')._enable_amp(Config({'optim_wrapper': {'type': 'ApexOptimWrapper'}}), 'cuda')


def test_testing_writes_the_metrics_of_the_config(run_tool, toy_checkpoint):
    assert run_tool('test', TOY_CONFIG, toy_checkpoint, '--work-dir', 'out') == 0
    # the toy predicts y = x where 2 x is right, on x = 0 ... 4
    assert metrics('out').items() >= {'toy/bbox': 6.0, 'toy/samples': 5, 'count': 5}.items()


@pytest.mark.parametrize('chosen', [['segm'], ['bbox', 'segm']])
def test_eval_chooses_the_metrics(chosen, run_tool, toy_checkpoint):
    assert run_tool('test', TOY_CONFIG, toy_checkpoint, '--work-dir', 'out', '--eval', *chosen) == 0
    assert {key for key in metrics('out') if key.startswith('toy/')} == {'toy/samples', *(f'toy/{m}' for m in chosen)}


@pytest.mark.parametrize(
    'evaluator',
    [
        {'type': 'ToyMetric'},
        [{'type': 'ToyCount'}, {'type': 'ToyMetric'}],
        {'type': 'Evaluator', 'metrics': [{'type': 'ToyMetric'}]},
    ],
)
def test_eval_finds_every_form_of_evaluator(evaluator, tool):
    from mmengine.config import Config

    module = tool('test')
    __import__('toy_detector')
    cfg = Config({'test_evaluator': evaluator})
    module._select_metrics(cfg, ['segm'])
    assert [e.get('metric') for e in module._evaluators(cfg.test_evaluator) if e['type'] == 'ToyMetric'] == [['segm']]


def test_out_holds_one_prediction_per_image(run_tool, toy_checkpoint):
    assert run_tool('test', TOY_CONFIG, toy_checkpoint, '--out', 'deep/results.pkl') == 0
    assert len(pickle.loads(Path('deep/results.pkl').read_bytes())) == 5


def test_a_checkpoint_saved_under_ddp_is_of_the_same_model(run_tool, toy_checkpoint):
    saved = torch.load(toy_checkpoint)
    torch.save({'state_dict': {f'module.{k}': v for k, v in saved['state_dict'].items()}}, 'ddp.pth')
    assert run_tool('test', TOY_CONFIG, 'ddp.pth', '--work-dir', 'out') == 0
    assert metrics('out')['toy/bbox'] == pytest.approx(6.0)


def test_drawing_turns_the_visualization_hook_on(tool):
    from mmengine.config import Config

    module = tool('test')
    cfg = Config({'default_hooks': {'visualization': {'type': 'DetVisualizationHook'}}})
    module._enable_drawing(cfg, module.build_parser().parse_args(['c.py', 'x.pth', '--show-dir', 'drawn']))
    assert cfg.default_hooks.visualization == {
        'type': 'DetVisualizationHook',
        'draw': True,
        'show': False,
        'wait_time': 2,
        'test_out_dir': 'drawn',
    }


def test_augmentation_wraps_the_model_and_ends_the_pipeline(tool):
    from mmengine.config import Config

    load, resize, pack = ({'type': name} for name in ('LoadImageFromFile', 'Resize', 'PackDetInputs'))
    inner = {'type': 'LVISDataset', 'pipeline': [load, resize, pack]}
    cfg = Config({'model': {'type': 'MaskRCNN'}, 'test_dataloader': {'dataset': {'type': 'Wrap', 'dataset': inner}}})
    tool('test')._enable_tta(cfg)
    assert (cfg.model.type, cfg.model.module.type) == ('DetTTAModel', 'MaskRCNN')
    assert [step.type for step in cfg.test_dataloader.dataset.dataset.pipeline] == [
        'LoadImageFromFile',
        'Resize',
        'TestTimeAug',
    ]


def test_augmentation_is_refused_where_masks_would_be_lost(tool):
    from mmengine.config import Config

    module = tool('test')
    from _cli import UserError

    cfg = Config({'model': {'roi_head': {'mask_head': {'type': 'FCNMaskHead'}}}, 'test_dataloader': {'dataset': {}}})
    with pytest.raises(UserError, match='merges boxes only'):
        module._enable_tta(cfg)


def test_a_checkpoint_fits_the_model_inside_an_augmented_one(tool, toy_checkpoint):
    tool('test')
    from _runner import StartHook
    from mmdet.models import DetTTAModel
    from toy_detector import ToyDetector

    model = DetTTAModel(module=ToyDetector({'num_classes': 3}))
    hook = StartHook(None, (), exact_checkpoint=True)
    hook.after_load_checkpoint(SimpleNamespace(model=model), torch.load(toy_checkpoint))


@pytest.mark.parametrize('name', ['train', 'test'])
def test_help_is_the_docstring_with_its_example(name, tool, capsys):
    with pytest.raises(SystemExit) as leaving:
        tool(name).main(['--help'])
    assert leaving.value.code == 0
    assert f'python tools/{name}.py configs/' in capsys.readouterr().out


@pytest.mark.parametrize('name', ['_cli', '_config', '_runner', '_torchrun'])
def test_the_examples_in_docstrings_run(name, tool):
    tool('train')
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_a_resumed_feature_bank_may_differ_in_size_and_a_parameter_may_not(tool):
    """A bank takes its size from the checkpoint; a classifier of another size is another model."""
    tool('train')
    from _cli import UserError
    from _runner import check_parameters

    model = torch.nn.Linear(2, 3)
    model.register_buffer('bank', torch.zeros(1, 4))
    saved = {**model.state_dict(), 'bank': torch.zeros(60, 4)}
    check_parameters(model, saved, exact=True)
    with pytest.raises(UserError, match=r'another variant of this model: weight has shape \(5, 2\)'):
        check_parameters(model, {**saved, 'weight': torch.zeros(5, 2)}, exact=True)
