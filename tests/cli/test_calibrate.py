"""The option --calibration: what the user types, what the model gets, mistakes in one line."""

from __future__ import annotations

import copy
import json

import pytest
import torch
from mmengine.config import Config

from longtail_det import cli
from longtail_det.calibration import FRACAL, NorCal
from longtail_det.cli.calibrated_model import give_statistics, set_calibration
from longtail_det.cli.calibration import read_calibration
from longtail_det.cli.errors import UserError
from longtail_det.statistics import ClassStatistics


def test_a_method_is_read_as_typed():
    assert read_calibration(['norcal', 'gamma=0.6', 'variant=probs', 'renormalize=False']) == dict(
        type='NorCal', gamma=0.6, variant='probs', renormalize=False
    )
    assert read_calibration(['Logit_Adjustment', 'tau=1']) == dict(type='LogitAdjustment', tau=1)
    assert read_calibration(['logn', 'momentum=5e-5']) == dict(type='LogN', momentum=5e-5)


@pytest.mark.parametrize(
    ('tokens', 'message'),
    [
        (['norcl'], 'norcl: no such method; did you mean norcal?'),
        (['temperature'], 'expected one of fracal, iif'),
        (['norcal', '0.6'], "expected KEY=VALUE, got '0.6'"),
        (['fracal', 'strenght=2'], "has no argument 'strenght'; it has strength"),
        (['fracal', 'strength=two'], "strength='two'; expected a number"),
        (['norcal', 'variant=odds'], "norcal: NorCal: variant='odds'"),
        (['iif', 'tau=1'], 'iif takes no arguments'),
    ],
)
def test_a_mistake_is_one_line(tokens, message):
    with pytest.raises(UserError, match=message):
        read_calibration(tokens)


@pytest.mark.parametrize('several', [False, True])
def test_every_box_head_is_given_the_calibration(several, workplace):
    head = dict(type='LongTailBBoxHead')
    cfg = Config(dict(model=dict(roi_head=dict(bbox_head=[head, copy.deepcopy(head)] if several else head))))
    set_calibration(cfg, dict(type='NorCal', gamma=0.5))
    heads = cfg.model.roi_head.bbox_head if several else [cfg.model.roi_head.bbox_head]
    assert all(head.calibration == dict(type='NorCal', gamma=0.5) for head in heads)


@pytest.mark.parametrize(
    ('model', 'message'),
    [
        (dict(type='RetinaNet'), r'has no roi_head\.bbox_head'),
        (dict(roi_head=dict(bbox_head=dict(type='Shared2FCBBoxHead'))), 'set type to it'),
    ],
)
def test_a_head_that_takes_no_calibration_is_named(model, message):
    with pytest.raises(UserError, match=message):
        set_calibration(Config(dict(model=model)), dict(type='NorCal'))


def statistics_file(tmp_path, names=('a', 'b')):
    path = tmp_path / 'statistics.json'
    stats = ClassStatistics([5, 50], [6, 70], 60, names, total_images=80, fractal_dim=[1.0, 1.5])
    path.write_text(json.dumps(stats.to_dict()))
    return str(path)


def test_counts_are_given_in_the_order_of_the_models_classes(tmp_path):
    model = torch.nn.Sequential(NorCal(num_classes=2), FRACAL(num_classes=2))
    give_statistics(model, statistics_file(tmp_path), ('b', 'a'))
    assert [module.image_count.tolist() for module in model] == [[50, 5], [50, 5]]
    assert model[1].fractal_dim.tolist() == [1.5, 1.0]


def test_counts_that_do_not_fit_are_one_line(tmp_path):
    with pytest.raises(UserError, match='none that counts; add --calibration'):
        give_statistics(torch.nn.Linear(1, 1), statistics_file(tmp_path), ('a', 'b'))
    with pytest.raises(UserError, match="know nothing of class 'dog'"):
        give_statistics(NorCal(num_classes=2), statistics_file(tmp_path), ('a', 'dog'))
    with pytest.raises(UserError, match='class statistics file not found'):
        give_statistics(NorCal(num_classes=2), str(tmp_path / 'none.json'), ('a', 'b'))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([], 'give a config and a checkpoint, or --results with --counts'),
        (['--results', 'r.json', '--calibration', 'norcal', '--out', 'o.json'], 'needs --counts too'),
        (['c.py', 'x.pth', '--strengths', '1'], 'name it with --calibration'),
        (['c.py', 'x.pth', '--launcher', 'pytorch'], 'one process; leave out --launcher'),
        (['c.py', 'x.pth', '--images', '0'], 'found 0, expected a whole number, at least 1'),
        (['c.py', 'x.pth'], 'config file not found: c.py'),
    ],
)
def test_wrong_arguments_are_one_line(arguments, message, capsys):
    assert cli.main(['calibrate', *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
