from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest
from matplotlib.ft2font import FT2Font

from longtail_det.synthetic import MAX_CLASSES
from longtail_det.synthetic.characters import choose_characters, class_name, fonts_with
from longtail_det.synthetic.outlines import FONTS, font_path, outline, rasterize, rotation, transform_outline


@pytest.fixture(scope='module')
def everything() -> tuple[str, ...]:
    return choose_characters(MAX_CLASSES)


def test_the_full_vocabulary_is_that_of_lvis(everything):
    assert len(set(everything)) == MAX_CLASSES == 1203


def test_names_are_unique_plain_ascii(everything):
    names = [class_name(char) for char in everything]
    assert len(set(names)) == MAX_CLASSES
    assert all(re.fullmatch('[a-z0-9_]+', name) for name in names)


@pytest.mark.parametrize('num_classes', [1, 12, 80])
def test_a_shorter_choice_begins_a_longer_one(everything, num_classes):
    assert choose_characters(num_classes) == everything[:num_classes]


def test_the_default_takes_several_scripts():
    scripts = {class_name(char).split('_')[0] for char in choose_characters(80)}
    assert scripts >= {'latin', 'greek', 'cyrillic', 'digit', 'armenian', 'georgian', 'hebrew', 'arabic'}


@pytest.mark.parametrize('twins', ['AΑАᎪ', 'OΟОo', 'HНΗ', 'PРΡ'])
def test_look_alikes_are_one_class(everything, twins):
    assert len(set(twins) & set(everything)) <= 1


def picture(char: str, degrees: float) -> np.ndarray:
    turned = transform_outline(outline(fonts_with(char)[0], char), rotation(degrees))
    points = np.concatenate(turned)
    low, high = points.min(axis=0), points.max(axis=0)
    return rasterize(tuple((c - low) / (high - low).max() * 48 for c in turned), 48, 48).ravel().astype(float)


def test_no_two_default_classes_look_alike_when_turned():
    upright = np.stack([picture(char, 0) for char in choose_characters(80)])
    for degrees in (-20, 0, 20):
        turned = np.stack([picture(char, degrees) for char in choose_characters(80)])
        shared = turned @ upright.T
        iou = shared / (turned.sum(axis=1)[:, None] + upright.sum(axis=1) - shared)
        np.fill_diagonal(iou, 0)
        assert iou.max() < 0.75


def test_the_list_is_frozen():
    # other classes or fonts would make another benchmark of the same name
    listed = ''.join(f'{char}{fonts_with(char)}' for char in choose_characters(MAX_CLASSES))
    assert (
        hashlib.sha256(listed.encode()).hexdigest()
        == '885ffdb1f7ff6c0c282a0d2dbbf2b40ec6c9ca76f42b412c8278f7552cee2886'
    )


def test_every_listed_font_of_this_matplotlib_draws_its_characters():
    charmaps = {font: FT2Font(str(font_path(font))).get_charmap() for font in FONTS}
    everything = choose_characters(MAX_CLASSES)
    assert all(ord(char) in charmaps[font] for char in everything for font in fonts_with(char))


@pytest.mark.parametrize('num_classes', [0, MAX_CLASSES + 1])
def test_the_limit_is_named(num_classes):
    with pytest.raises(ValueError, match=f'num_classes is {num_classes}; expected 1 to 1203'):
        choose_characters(num_classes)
