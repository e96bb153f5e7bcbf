"""Classes asked for by group or name, and where the groups come from."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.cli.class_choice import GROUP_OF_NAME, choose_classes, file_groups
from longtail_det.cli.errors import UserError

CLASSES = ('ant', 'bee', 'cat', 'dog')
GROUPS = ['r', 'c', 'f', 'r']


def test_no_wish_is_all_classes():
    assert choose_classes(None, CLASSES, [''] * 4, '').all()


@given(st.lists(st.sampled_from([*GROUP_OF_NAME, *CLASSES]), min_size=1))
def test_a_class_is_chosen_by_its_name_or_its_group(wanted):
    chosen = choose_classes(wanted, CLASSES, GROUPS, '')
    for name, group, is_chosen in zip(CLASSES, GROUPS, chosen, strict=True):
        assert is_chosen == (name in wanted or any(GROUP_OF_NAME.get(each) == group for each in wanted))


def test_a_class_may_be_called_like_a_group():
    assert choose_classes(['rare'], ('rare', 'ant'), ['f', 'r'], '').tolist() == [True, False]


@pytest.mark.parametrize(
    ('wanted', 'groups', 'message'),
    [
        ('rar', GROUPS, "did you mean 'rare'?"),
        ('xyzzy', GROUPS, 'expected rare, common, frequent or names of classes'),
        ('rare', [''] * 4, 'nothing tells the groups of the 4 classes; give --ann'),
        ('rare', ['f'] * 4, 'none of the 4 classes is rare'),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_line(wanted, groups, message):
    with pytest.raises(UserError) as error:
        choose_classes([wanted], CLASSES, groups, 'give --ann')
    assert message in str(error.value)


def write(path, **fields):
    annotation = {'id': 1, 'image_id': 1, 'category_id': 5, 'bbox': [0, 0, 4, 4], 'area': 16}
    categories = [{'id': 3, 'name': 'bee', **fields}, {'id': 5, 'name': 'ant', **fields}]
    image = {'id': 1, 'height': 9, 'width': 9, 'file_name': '1.png'}
    path.write_text(json.dumps({'images': [image], 'annotations': [annotation], 'categories': categories}))
    return path


def test_groups_are_recorded_or_else_counted(tmp_path):
    path = tmp_path / 'a.json'
    assert file_groups(write(path), ['ant', 'bee']) == ['r', 'r']
    assert file_groups(write(path, image_count=50), ['ant']) == ['c']
    assert file_groups(write(path, image_count=50, frequency='f'), ['ant', 'bee']) == ['f', 'f']
    counts = {'image_count': [500, 11], 'instance_count': [500, 11], 'num_images': 600, 'names': ['bee', 'ant']}
    path.write_text(json.dumps(counts))
    assert file_groups(path, ['ant', 'bee']) == ['c', 'f']


def test_a_file_without_the_class_is_one_line(tmp_path):
    path = write(tmp_path / 'a.json', frequency='r')
    with pytest.raises(UserError, match="has no category 'dog'"):
        file_groups(path, ['ant', 'dog'])
    with pytest.raises(UserError, match="has frequency 'x'; expected one of"):
        file_groups(write(path, frequency='x'), ['ant'])
    with pytest.raises(UserError, match=r'none\.json'):
        file_groups(tmp_path / 'none.json', ['ant'])
