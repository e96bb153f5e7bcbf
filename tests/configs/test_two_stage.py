"""Every second stage names a first that exists and parts that its model has, and finds its weights there."""

from __future__ import annotations

import re

import pytest

from longtail_det.engine import freeze
from longtail_det.engine.hooks.name_patterns import select_names

from .zoo import ALL, CONFIGS, PATH_OF, build, load


def hook_of(cfg, name):
    return next((hook for hook in cfg.custom_hooks if hook.type == name), None)


SECOND = [path for path in ALL if hook_of(load(path), 'FirstStageHook')]


def test_there_are_six_methods_on_both_datasets():
    assert len(SECOND) == 12


def test_the_readme_has_a_command_for_each_on_glyphs():
    text = (CONFIGS / 'two_stage' / 'README.md').read_text().replace('${g}', 'mask-rcnn_r18_fpn')
    commands = re.findall(r'two_stage\.sh (\S+)\.py (\S+)\.py', text)
    expected = {
        (hook_of(load(path), 'FirstStageHook').first_stage, path.stem)
        for path in SECOND
        if path.parent.name == 'glyphs'
    }
    assert len(commands) == len(expected) == 6
    assert set(commands) == expected


@pytest.mark.parametrize('path', SECOND, ids=lambda path: path.stem)
def test_it_goes_on_from_its_first_stage(path):
    cfg = load(path)
    first, still = hook_of(cfg, 'FirstStageHook'), hook_of(cfg, 'FreezeHook')
    model, before = build(cfg.model), build(load(PATH_OF[first.first_stage]).model)
    names = [name for name, _ in (*model.named_modules(), *model.named_parameters())]
    fresh = select_names(first.fresh, names, 'fresh') if first.get('fresh') else set()
    freeze(model, still.get('frozen'), still.get('trained'))
    found = before.state_dict()
    for name, parameter in model.named_parameters():
        loaded = name in found and found[name].shape == parameter.shape and name not in fresh
        assert loaded or parameter.requires_grad, f'{name} stands still and is not loaded'
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert any(name.startswith('roi_head.bbox_head.fc_cls') for name in trained)
    assert not any(name.startswith(('backbone', 'neck', 'roi_head.bbox_head.shared_fcs')) for name in trained)
