"""Every config of LongTailGlyphs trains: twenty steps lower the loss."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper

from longtail_det.engine import ClassStatisticsHook
from longtail_det.synthetic import PRESETS, make_glyphs

from .zoo import ALL, innermost, load

GLYPHS = [path for path in ALL if path.parent.name == 'glyphs']


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
    cfg = load(path)
    innermost(cfg.train_dataloader.dataset).data_root = str(tiny_glyphs)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    num_classes = len(dataset.metainfo['classes'])
    set_num_classes(cfg.model, num_classes)
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


def set_num_classes(node, num_classes):
    """Replace every num_classes below a node."""
    for key, value in list(node.items()):
        if key == 'num_classes':
            node[key] = num_classes
        elif isinstance(value, dict):
            set_num_classes(value, num_classes)
