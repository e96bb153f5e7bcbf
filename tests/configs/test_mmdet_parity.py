"""The configs that mmdet has too are equal to its own, but for a list of fields; so are their parameters."""

from __future__ import annotations

import re
from pathlib import Path

import mmdet
import pytest

from .zoo import MODEL_OF, PATH_OF, build, leaves, load

THEIRS = Path(mmdet.__file__).parent / '.mim' / 'configs'
#: our config -> mmdet's
PAIRS = {
    name: original['Name'].removeprefix('mmdet: ')
    for name, model in MODEL_OF.items()
    for original in model.get('Original', ())
    if original['Name'].startswith('mmdet: ')
}
every_pair = pytest.mark.parametrize(('ours', 'theirs'), PAIRS.items(), ids=PAIRS)
ABSENT = '(absent)'
#: path -> our and their value of whatever may differ, and nothing else may
DIFFERENCES = {
    # parts of ours that give the same results
    r'(train|val|test)_dataloader(\.dataset)+\.type': {
        ('LVISDataset', 'LVISV1Dataset'),
        ('LVISDataset', 'LVISV05Dataset'),
        ('RepeatFactorDataset', 'ClassBalancedDataset'),
    },
    r'((train|test)_pipeline|(train|val|test)_dataloader(\.dataset)+\.pipeline)\.\d\.type': {
        ('LoadDeferredMasks', 'LoadAnnotations')
    },
    r'(val|test)_evaluator\.type': {('LVISAPIMetric', 'LVISMetric'), ('FastLVISMetric', 'LVISMetric')},
    r'(val|test)_evaluator\.format_only': {(ABSENT, False)},
    r'model\.roi_head\.bbox_head(\.\d)?\.type': {('LongTailBBoxHead', 'Shared2FCBBoxHead')},
    r'model\.roi_head\.mask_head\.type': {('LabelFCNMaskHead', 'FCNMaskHead')},
    # defaults: mmdet and its fork spell the argument differently; a softmax is no sigmoid; a weight of 1
    r'model\..*\.(cls_predictor_cfg|predictor_cfg)\.tempearture': {(ABSENT, 20)},
    r'model\..*\.loss_cls\.use_sigmoid': {(ABSENT, False)},
    r'model\..*\.loss_cls\.loss_weight': {(ABSENT, 1.0)},
    # LVIS takes an hour to evaluate
    r'train_cfg\.val_interval': {(12, 1), (24, 1)},
    # runtime, and variables of the files that no one reads
    r'custom_(imports|hooks)\..*': None,
    r'randomness\.seed': {(None, ABSENT)},
    r'default_hooks\.checkpoint\.type': {('ExactCheckpointHook', 'CheckpointHook')},
    r'default_hooks\.checkpoint\.max_keep_ckpts': {(3, ABSENT)},
    r'dataset_type|num_classes|oversample_thr|method\..*|head\..*': None,
}


def test_all_of_mmdets_configs_are_here():
    published = [path for folder in ('seesaw_loss', 'lvis') for path in (THEIRS / folder).glob('*.py')]
    assert sorted(PAIRS.values()) == sorted(f'{path.parent.name}/{path.stem}' for path in published)
    assert len(published) == 20


@every_pair
def test_the_resolved_config_is_mmdets(ours, theirs):
    mine = dict(leaves(load(PATH_OF[ours])))
    other = dict(leaves(load(THEIRS / f'{theirs}.py')))
    unlisted = {}
    for path in mine.keys() | other.keys():
        pair = mine.get(path, ABSENT), other.get(path, ABSENT)
        if pair[0] != pair[1] and not is_listed(path, pair):
            unlisted[path] = pair
    assert not unlisted


def is_listed(path, pair):
    matching = [values for pattern, values in DIFFERENCES.items() if re.fullmatch(pattern, path)]
    return any(values is None or pair in values for values in matching)


@every_pair
def test_the_parameters_are_mmdets(ours, theirs):
    """So the checkpoints of mmdet's model zoo load as they are."""
    mine = shapes(build(load(PATH_OF[ours]).model))
    assert mine == shapes(build(load(THEIRS / f'{theirs}.py').model))
    assert len(mine) > 300


def shapes(model):
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}
