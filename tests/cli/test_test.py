"""What each argument of test does to a run."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from longtail_det.cli import test
from longtail_det.cli.errors import UserError
from longtail_det.cli.runner import StartHook

from .conftest import TOY_CONFIG


def metrics(work_dir: str | Path) -> dict[str, float]:
    (path,) = Path(work_dir).glob('*/*.json')
    return json.loads(path.read_text())


def test_testing_writes_the_metrics_of_the_config(run, toy_checkpoint):
    assert run('test', TOY_CONFIG, toy_checkpoint, '--work-dir', 'out') == 0
    # the toy predicts y = x where 2 x is right, on x = 0 ... 4
    assert metrics('out').items() >= {'toy/bbox': 6.0, 'toy/samples': 5, 'count': 5}.items()


@pytest.mark.parametrize('chosen', [['segm'], ['bbox', 'segm']])
def test_eval_chooses_the_metrics(chosen, run, toy_checkpoint):
    assert run('test', TOY_CONFIG, toy_checkpoint, '--work-dir', 'out', '--eval', *chosen) == 0
    assert {key for key in metrics('out') if key.startswith('toy/')} == {'toy/samples', *(f'toy/{m}' for m in chosen)}


@pytest.mark.parametrize(
    'evaluator',
    [
        {'type': 'ToyMetric'},
        [{'type': 'ToyCount'}, {'type': 'ToyMetric'}],
        {'type': 'Evaluator', 'metrics': [{'type': 'ToyMetric'}]},
    ],
)
def test_eval_finds_every_form_of_evaluator(evaluator, workplace):
    __import__('toy_detector')
    cfg = Config({'test_evaluator': evaluator})
    test.select_metrics(cfg, ['segm'])
    assert [e.get('metric') for e in test.evaluators(cfg.test_evaluator) if e['type'] == 'ToyMetric'] == [['segm']]


def test_a_checkpoint_in_part_is_tested_only_where_asked_for(run, toy_checkpoint, capfd):
    saved = torch.load(toy_checkpoint)
    del saved['state_dict']['bbox_head.fc.bias']
    torch.save(saved, 'part.pth')
    assert run('test', TOY_CONFIG, 'part.pth', '--work-dir', 'out') == 2
    line = capfd.readouterr().err.splitlines()[-1]
    assert '1 of 2 weights fit, 1 missing (bbox_head.fc.bias); --allow-partial tests it all the same' in line
    assert run('test', TOY_CONFIG, 'part.pth', '--work-dir', 'out', '--allow-partial') == 0


@pytest.mark.parametrize('option', ['--out', '--work-dir', '--show-dir'])
def test_a_place_that_cannot_be_written_is_told_before_the_test(option, run, toy_checkpoint, capfd):
    Path('file').touch()
    place = Path('file/r.json').absolute()
    assert run('test', TOY_CONFIG, toy_checkpoint, option, place) == 2
    line = capfd.readouterr().err.splitlines()[-1]
    assert 'file is no folder; give another place' in line or 'default_hooks.visualization' in line


def test_out_holds_one_prediction_per_image(run, toy_checkpoint):
    assert run('test', TOY_CONFIG, toy_checkpoint, '--out', 'deep/results.pkl') == 0
    assert len(pickle.loads(Path('deep/results.pkl').read_bytes())) == 5


def test_a_checkpoint_saved_under_ddp_is_of_the_same_model(run, toy_checkpoint):
    saved = torch.load(toy_checkpoint)
    torch.save({'state_dict': {f'module.{k}': v for k, v in saved['state_dict'].items()}}, 'ddp.pth')
    assert run('test', TOY_CONFIG, 'ddp.pth', '--work-dir', 'out') == 0
    assert metrics('out')['toy/bbox'] == pytest.approx(6.0)


def test_drawing_turns_the_visualization_hook_on():
    cfg = Config({'default_hooks': {'visualization': {'type': 'DetVisualizationHook'}}})
    test.enable_drawing(cfg, test.build_parser().parse_args(['c.py', 'x.pth', '--show-dir', 'drawn']))
    assert cfg.default_hooks.visualization == {
        'type': 'DetVisualizationHook',
        'draw': True,
        'show': False,
        'wait_time': 2,
        'test_out_dir': 'drawn',
    }


def test_augmentation_wraps_the_model_and_ends_the_pipeline():
    load, resize, pack = ({'type': name} for name in ('LoadImageFromFile', 'Resize', 'PackDetInputs'))
    inner = {'type': 'LVISDataset', 'pipeline': [load, resize, pack]}
    cfg = Config({'model': {'type': 'MaskRCNN'}, 'test_dataloader': {'dataset': {'type': 'Wrap', 'dataset': inner}}})
    test.enable_tta(cfg)
    assert (cfg.model.type, cfg.model.module.type) == ('DetTTAModel', 'MaskRCNN')
    assert [step.type for step in cfg.test_dataloader.dataset.dataset.pipeline] == [
        'LoadImageFromFile',
        'Resize',
        'TestTimeAug',
    ]


def test_augmentation_is_refused_where_masks_would_be_lost():
    cfg = Config({'model': {'roi_head': {'mask_head': {'type': 'FCNMaskHead'}}}, 'test_dataloader': {'dataset': {}}})
    with pytest.raises(UserError, match='merges boxes only'):
        test.enable_tta(cfg)


def test_a_checkpoint_fits_the_model_inside_an_augmented_one(workplace, toy_checkpoint):
    from mmdet.models import DetTTAModel
    from toy_detector import ToyDetector

    model = DetTTAModel(module=ToyDetector({'num_classes': 3}))
    hook = StartHook(None, ('test_loop',))
    hook.after_load_checkpoint(
        SimpleNamespace(model=model, _resume=False, logger=logging.getLogger()), torch.load(toy_checkpoint)
    )
