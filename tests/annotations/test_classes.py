from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.annotations import category_groups, category_image_counts, select_categories
from longtail_det.statistics import frequency_group

CATEGORIES = [{'id': 7, 'name': 'gnu'}, {'id': 2, 'name': 'ant'}, {'id': 5, 'name': 'cat'}]


@given(st.permutations('abcdef'), st.integers(1, 6))
def test_classes_come_in_the_order_asked_for(names, count):
    categories = [{'id': 3 * i, 'name': name} for i, name in enumerate('abcdef')]
    chosen = select_categories(categories, names[:count], 'train.json')
    assert [category['name'] for category in chosen] == names[:count]
    assert all(categories[category['id'] // 3] is category for category in chosen)


def test_nothing_asked_for_is_everything():
    assert select_categories(CATEGORIES, None, 'train.json') == CATEGORIES


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (
            ['ant', 'dog', 'elk'],
            r"classes'\] names 'dog', 'elk', not among the 3 categories of val\.json; it has 'gnu'",
        ),
        (['ants'], r"did you mean 'ant'\?"),
        (['ant', 'ant'], "names 'ant' more than once"),
        (['gnu', 'cat'], r"val\.json: categories \[5, 9\] are all named 'cat'"),
    ],
)
def test_names_that_do_not_fit_are_one_line(classes, message):
    with pytest.raises(ValueError, match=message) as error:
        select_categories([*CATEGORIES, {'id': 9, 'name': 'cat'}], classes, 'val.json')
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


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_the_groups_are_those_of_the_recorded_training_images(counts):
    categories = [{'id': i, 'image_count': count} for i, count in enumerate(counts)]
    assert category_image_counts(categories).tolist() == counts
    assert category_groups(categories).tolist() == frequency_group(counts).tolist()


def test_counts_that_some_category_lacks_are_none():
    assert category_image_counts([{'id': 1, 'image_count': 3}, {'id': 2}]) is None
    assert category_image_counts([]) is None
    with pytest.raises(ValueError, match=r'category 1 has image_count -3; expected a number of training images'):
        category_image_counts([{'id': 1, 'image_count': -3}])
