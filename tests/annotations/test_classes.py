from __future__ import annotations

import pytest

from longtail_det.annotations import category_groups, match_classes

CATEGORIES = [{'id': 7, 'name': 'gnu'}, {'id': 2, 'name': 'ant'}, {'id': 5, 'name': 'cat'}]


@pytest.mark.parametrize(
    ('classes', 'ids'),
    [(['ant', 'cat', 'gnu'], [2, 5, 7]), (['gnu', 'ant', 'cat'], [7, 2, 5]), (['cat'], [5]), ([], [])],
)
def test_classes_are_matched_by_name_in_the_order_of_the_labels(classes, ids):
    assert match_classes(classes, CATEGORIES) == ids


@pytest.mark.parametrize(
    ('classes', 'categories', 'message'),
    [
        (
            ['ant', 'dog', 'elk'],
            CATEGORIES,
            "2 of the 3 class names .* 3 categories .* first 'dog'.*val_evaluator.ann_file",
        ),
        (['ant', 'ant'], CATEGORIES, "'ant' appears more than once in the data set's classes"),
        (['ant'], [*CATEGORIES, {'id': 9, 'name': 'cat'}], "'cat' appears more than once in the annotation file"),
    ],
)
def test_names_that_do_not_fit_are_one_line(classes, categories, message):
    with pytest.raises(ValueError, match=message) as error:
        match_classes(classes, categories)
    assert '\n' not in str(error.value)


def test_the_field_frequency_wins_over_image_count():
    categories = [{'id': 1, 'frequency': 'f', 'image_count': 1}, {'id': 2, 'frequency': 'r', 'image_count': 900}]
    assert category_groups(categories).tolist() == ['f', 'r']


@pytest.mark.parametrize(
    'categories', [[], CATEGORIES, [{'id': 1, 'frequency': 'r'}, {'id': 2}], [{'id': 1, 'image_count': 3}, {'id': 2}]]
)
def test_groups_are_unknown_unless_every_category_says(categories):
    assert category_groups(categories) is None


def test_an_unknown_frequency_is_named():
    with pytest.raises(ValueError, match="category 3 has frequency 'often'"):
        category_groups([{'id': 3, 'frequency': 'often'}])
