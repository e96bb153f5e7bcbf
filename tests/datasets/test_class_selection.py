from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.datasets.class_selection import make_palette, select_categories

CATEGORIES = [{'id': i, 'name': name} for i, name in enumerate('abcdef')]


@given(st.permutations('abcdef'), st.integers(1, 6))
def test_classes_come_in_the_order_asked_for(names, count):
    chosen = select_categories(CATEGORIES, names[:count], 'train.json')
    assert [category['name'] for category in chosen] == names[:count]
    assert all(CATEGORIES[category['id']] is category for category in chosen)


def test_nothing_asked_for_is_everything():
    assert select_categories(CATEGORIES, None, 'train.json') == CATEGORIES


@pytest.mark.parametrize('num_classes', [0, 1, 80, 1203, 13204])
def test_colours_for_any_number_of_classes(num_classes):
    palette = make_palette(num_classes)
    assert len(palette) == num_classes
    assert make_palette(num_classes + 5)[:num_classes] == palette  # a class keeps its colour
    assert all(type(value) is int and 0 <= value <= 255 for colour in palette for value in colour)


def test_neighbours_differ():
    colours = np.array(make_palette(300))
    for distance in range(1, 8):
        assert np.abs(colours[distance:] - colours[:-distance]).sum(axis=1).min() > 30
