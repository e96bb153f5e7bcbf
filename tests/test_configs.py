"""Every config loads, builds, is named by the grammar and has a row in configs/README.md; samples train a little."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import DATASETS, METRICS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, init_default_scope

from longtail_det.datasets.synthetic import PRESETS, make_glyphs
from longtail_det.engine import ClassStatisticsHook

ROOT = Path(__file__).parent.parent
ALL = sorted(path for path in (ROOT / 'configs').rglob('*.py') if '_base_' not in path.parts)
GLYPHS = [path for path in ALL if path.parent.name == 'glyphs']
every_config = pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
GRAMMAR = re.compile(
    r'(faster-rcnn|mask-rcnn|cascade-mask-rcnn|htc)_[a-z0-9-]+_fpn_[a-z0-9-]+_(random|rfs|irfs)[a-z0-9-]*_[a-z0-9.-]+'
)


def test_there_are_configs_and_their_names_are_unique():
    """mim finds a config by its basename."""
    assert len(ALL) > 10
    assert len({path.name for path in ALL}) == len(ALL)


@every_config
def test_the_name_follows_the_grammar_and_has_a_row(path):
    assert GRAMMAR.fullmatch(path.stem), path.stem
    assert path.name in (ROOT / 'configs' / 'README.md').read_text(), f'{path.name} has no row in configs/README.md'


@every_config
def test_the_file_is_a_diff_without_paths(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 40, 'a method is a diff one can read on one screen'
    assert 'work_dir' not in text
    assert not re.search(r'[\'"]/', text), 'no absolute path'


@every_config
def test_it_builds(path):
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    cfg.model.backbone.init_cfg = None
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    heads = model.roi_head.bbox_head
    for head in heads if isinstance(heads, torch.nn.ModuleList) else [heads]:
        assert head.num_classes == cfg.num_classes
    assert model.roi_head.mask_head.num_classes == cfg.num_classes
    for hook in cfg.custom_hooks:
        assert hook.type in HOOKS or HOOKS.build(hook)
    assert METRICS.get(cfg.val_evaluator.type)
    assert DATASETS.get(cfg.train_dataloader.dataset.type)
    assert cfg.test_dataloader == cfg.val_dataloader
    assert cfg.test_evaluator == cfg.val_evaluator


@pytest.fixture(scope='module')
def tiny_glyphs(tmp_path_factory):
    out = tmp_path_factory.mktemp('glyphs')
    make_glyphs(out, PRESETS['tiny'], progress=False)
    return out


@pytest.mark.slow
@pytest.mark.parametrize('path', GLYPHS, ids=lambda path: path.stem)
def test_twenty_steps_lower_the_loss(path, tiny_glyphs):
    """Twenty steps on four images with each loss: finite throughout, and lower at the end."""
    torch.manual_seed(0)
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    innermost(cfg.train_dataloader.dataset).data_root = str(tiny_glyphs)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    num_classes = len(dataset.metainfo['classes'])
    set_num_classes(cfg.model.roi_head, num_classes)
    model = MODELS.build(cfg.model)
    model.init_weights()
    loader = SimpleNamespace(dataset=dataset)
    ClassStatisticsHook().before_train(SimpleNamespace(model=model, train_dataloader=loader))
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = pseudo_collate([dataset[index] for index in range(4)])
    history = []
    for _ in range(20):
        losses = model.train_step(batch, optim_wrapper)
        history.append(losses['loss'].item())
    assert all(torch.tensor(history).isfinite())
    assert sum(history[-5:]) < 0.8 * sum(history[:5]), history


def innermost(dataset):
    """The data set inside its wrappers."""
    return innermost(dataset.dataset) if 'dataset' in dataset else dataset


def set_num_classes(node, num_classes):
    """Replace every num_classes below a node."""
    for key, value in list(node.items()):
        if key == 'num_classes':
            node[key] = num_classes
        elif isinstance(value, dict):
            set_num_classes(value, num_classes)
