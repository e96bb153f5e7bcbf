"""Every config builds: the model, and the names of everything else."""

from __future__ import annotations

import pytest
from mmdet.registry import DATA_SAMPLERS, DATASETS, HOOKS, METRICS

from .zoo import ALL, build, innermost, load, stages


@pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
def test_it_builds(path):
    cfg = load(path)
    model = build(cfg.model)
    box_heads = stages(getattr(model, 'roi_head', model).bbox_head)
    heads = list(box_heads)
    if model.with_mask:
        heads += stages(model.roi_head.mask_head)
    assert {head.num_classes for head in heads} == {cfg.num_classes}
    for head in box_heads:
        assert getattr(head.loss_cls, 'num_classes', cfg.num_classes) == cfg.num_classes
    for hook in cfg.custom_hooks:
        HOOKS.build(hook)
    assert METRICS.get(cfg.val_evaluator.type)
    assert DATA_SAMPLERS.get(cfg.train_dataloader.sampler.type)
    assert DATASETS.get(cfg.train_dataloader.dataset.type)
    assert DATASETS.get(innermost(cfg.train_dataloader.dataset).type)
    with_masks = any(t.get('with_mask') for t in innermost(cfg.train_dataloader.dataset).pipeline)
    assert with_masks == model.with_mask == ('segm' in cfg.val_evaluator.metric)
