"""Every numeric option of every registered class refuses NaN, infinity, text and what is out of its range, at once."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import pytest
from mmdet.registry import DATA_SAMPLERS, DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS

import longtail_det.datasets
import longtail_det.engine
import longtail_det.metrics
import longtail_det.models  # noqa: F401
from longtail_det import calibration, losses
from longtail_det.checks import InputError, number, numbers, one_of, probability, whole

from .losses.catalog import LOSSES, NUM_CLASSES

HEAD = dict(num_classes=NUM_CLASSES, in_channels=4, fc_out_channels=4, roi_feat_size=1)
SHARED = dict(num_classes=NUM_CLASSES)
DATA = object()
#: class -> arguments without which it cannot be built
ARGUMENTS: dict[str, dict[str, Any]] = {
    **{options['type']: {**SHARED, **options} for options in LOSSES.values()},
    **dict.fromkeys(('EFL', 'EQFL', 'FRACAL', 'LogN', 'LogitAdjustment', 'NorCal', 'IIF'), SHARED),
    'CosineLinear': dict(in_features=4, out_features=3),
    'LWSLinear': dict(in_features=4, out_features=3),
    'FeatureBank': dict(num_classes=NUM_CLASSES, feat_dim=4, target_dim=4),
    'RIOBBoxHead': dict(HEAD, replay=False),
    'LOCEBBoxHead': dict(HEAD, loss_cls=dict(type='EBL', num_classes=NUM_CLASSES)),
    **dict.fromkeys(('LongTailBBoxHead', 'LongTailConvFCBBoxHead', 'LongTailShared4Conv1FCBBoxHead'), HEAD),
    'FastLVISMetric': dict(ann_file='train.json'),
    'RepeatFactorDataset': dict(dataset=DATA),
    'RIODataset': dict(dataset=DATA),
}
#: options of which -5 is a value like any other
ANY_SIGN = {
    'EQLv2.mu': 'where the sigmoid of the weights has its middle',
    'LogitAdjustedCE.tau': 'a negative strength favors frequent classes',
    'LogitAdjustment.tau': 'likewise',
    'cls_bias': 'a bias of logits',
}
#: options that are handed on to mmdet's class, which the check of a config looks at
HANDED_ON = {'num_shared_convs', 'num_shared_fcs'}
BAD = (math.nan, math.inf, 'x', -5)


def our_classes() -> Iterator[type]:
    """Classes of this package in mmdet's registries."""
    for registry in (MODELS, DATASETS, DATA_SAMPLERS, TRANSFORMS, HOOKS, METRICS):
        yield from (kind for kind in registry.module_dict.values() if kind.__module__.startswith('longtail_det'))


def numeric_options(kind: type) -> Iterator[str]:
    """Names of the options in the signature whose annotation is a number, maybe None."""
    for name, option in inspect.signature(kind.__init__).parameters.items():
        if re.fullmatch(r'(int|float)( \| (int|float|None))*', str(option.annotation)) and name not in HANDED_ON:
            yield name


CASES = sorted(
    {(f'{kind.__name__}.{name}', kind, name) for kind in our_classes() for name in numeric_options(kind)},
    key=lambda case: case[0],
)


def test_there_are_options_to_look_at():
    assert len(CASES) > 60
    assert {kind for _, kind, _ in CASES} >= {*losses.ROI_LOSSES, calibration.NorCal}


@pytest.mark.parametrize(('option', 'kind', 'name'), CASES, ids=[case[0] for case in CASES])
def test_a_number_out_of_range_is_one_line(option, kind, name):
    arguments = {key: value for key, value in ARGUMENTS.get(kind.__name__, {}).items() if key != 'type'}
    for value in BAD:
        if value == -5 and (option in ANY_SIGN or name in ANY_SIGN):
            continue
        given = {**arguments, name: value}
        if name == 'lambda_instances':
            given['lambda_'] = None
        with pytest.raises((ValueError, TypeError)) as caught:
            build(kind, given)
        text = str(caught.value)
        assert '\n' not in text
        assert name in text, text
        assert str(value) in text, text
        assert 'expected' in text, text


def build(kind: type, options: dict[str, Any]) -> Any:
    """Build a class of samplers, whose dataset comes first, or of anything else."""
    if 'Sampler' in kind.__name__:
        return kind(_Images(), **options)
    return kind(**options)


class _Images:
    """What samplers ask a dataset for."""

    repeat_factors = (1.0, 1.5)
    labels_per_image = ([0], [1])
    metainfo = MappingProxyType({'classes': ('a', 'b')})

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize(
    ('check', 'good'),
    [
        (lambda value: number('x', value, 0, 1), (0, 1, 0.5)),
        (lambda value: number('x', value, above=0, below=1), (0.5,)),
        (lambda value: whole('x', value, 0, 9), (0, 9)),
        (lambda value: probability('x', value), (0, 1.0)),
        (lambda value: numbers('x', value, 2, low=0), ((0, 1), [0.5, 7])),
        (lambda value: one_of('x', value, ('a', 'b')), ('a', 'b')),
    ],
)
def test_a_check_returns_what_is_good_and_names_what_is_not(check: Callable[[Any], Any], good):
    for value in good:
        assert check(value) == (tuple(value) if isinstance(value, list) else value)
    for value in (math.nan, math.inf, -1, 10**400, 'x', None, True, [], (1, 'x'), (math.nan, 1), {}):
        with pytest.raises(ValueError, match=r'^x.*; expected ') as caught:
            check(value)
        assert len(str(caught.value)) < 250


def test_an_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)
