"""Patterns of names select parts of a model, and say what they miss."""

from __future__ import annotations

import pytest

from longtail_det.engine.hooks.name_patterns import select_names

NAMES = ['', 'backbone', 'backbone.layer1', 'backbone.layer1.weight', 'backbone.layer2', 'head', 'head.fc', 'head.fc2']


@pytest.mark.parametrize(
    ('patterns', 'selected'),
    [
        (['head.fc'], {'head.fc'}),
        (['head'], {'head', 'head.fc', 'head.fc2'}),
        (['backbone.layer[13]'], {'backbone.layer1', 'backbone.layer1.weight'}),
        (['*.fc*', 'backbone.layer2'], {'head.fc', 'head.fc2', 'backbone.layer2'}),
        (['*'], set(NAMES) - {''}),
    ],
)
def test_a_name_selects_what_is_inside_of_it(patterns, selected):
    assert select_names(patterns, NAMES, 'frozen') == selected


@pytest.mark.parametrize(
    ('patterns', 'message'),
    [
        (['backbon'], "frozen: 'backbon' matches no part of the model; did you mean backbone"),
        (['head', 'xyz'], "frozen: 'xyz' matches no part of the model; its parts are backbone, head$"),
        ('head', "frozen='head'; expected a list of names"),
        ([], r'frozen=\[\]; expected a list of names'),
    ],
)
def test_a_mistake_is_one_line(patterns, message):
    with pytest.raises(ValueError, match=message):
        select_names(patterns, NAMES, 'frozen')
