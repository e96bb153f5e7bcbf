from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.statistics import ClassStatistics, frequency_group

counts = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 50)), max_size=8)


def make(pairs, spare=3):
    image = [images for images, _ in pairs]
    names = [f'class {c}' for c in range(len(pairs))]
    return ClassStatistics(image, [i + more for i, more in pairs], max(image, default=0) + spare, names)


@given(counts)
def test_it_survives_every_way_to_store_it(pairs):
    stats = make(pairs)
    for other in (
        ClassStatistics.from_dict(json.loads(json.dumps(stats.to_dict()))),
        pickle.loads(pickle.dumps(stats)),
        copy.deepcopy(stats),
    ):
        assert other == stats
        assert other.image_count.dtype == other.instance_count.dtype == np.int64


@given(counts)
def test_groups_part_the_classes(pairs):
    stats = make(pairs)
    assert sorted(np.concatenate(list(stats.groups.values())).tolist()) == list(range(len(pairs)))
    assert all((stats.frequency[group] == key).all() for key, group in stats.groups.items())
    assert stats.frequency.tolist() == frequency_group(stats.image_count).tolist()


@given(counts)
def test_the_image_frequency_is_a_share_of_annotated_images(pairs):
    stats = make(pairs)
    assert ((stats.image_frequency >= 0) & (stats.image_frequency <= 1)).all()
    np.testing.assert_allclose(stats.image_frequency * stats.num_images, stats.image_count)


def test_no_image_is_no_division_by_zero():
    assert ClassStatistics([0, 0], [0, 0], 0).image_frequency.tolist() == [0, 0]


def test_it_cannot_be_changed_from_inside_or_outside():
    source = np.array([3, 4])
    stats = ClassStatistics(source, source, 9)
    source[0] = 8
    assert stats.image_count.tolist() == [3, 4]
    with pytest.raises(ValueError, match='read-only'):
        stats.image_count[0] = 8
    with pytest.raises(AttributeError):
        stats.num_images = 3


def test_equality_is_that_of_all_fields():
    stats = ClassStatistics([1], [2], 3, ['a'])
    assert stats == ClassStatistics([1.0], np.array([2], dtype=np.uint8), np.int32(3), ('a',))
    for other in ({'image_count': [2]}, {'instance_count': [3]}, {'num_images': 4}, {'names': ['b']}):
        assert ClassStatistics.from_dict(stats.to_dict() | other) != stats
    assert stats != stats.to_dict()


def test_the_summary_names_the_groups():
    stats = ClassStatistics([3, 50, 500, 5], [4, 60, 600, 7], 800)
    assert stats.summary() == '4 classes (r/c/f 2 / 1 / 1), 800 annotated images, 671 instances'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'image_count': [1]}, r'different lengths: image_count 1, instance_count 2, names 0'),
        ({'names': ['a']}, 'different lengths: image_count 2, instance_count 2, names 1'),
        ({'image_count': [1, -1]}, 'class 1: image_count -1'),
        ({'image_count': [5, 1]}, 'class 0: image_count 5, instance_count 3, num_images 9'),
        ({'num_images': 1}, 'class 1: image_count 2, instance_count 2, num_images 1'),
        ({'image_count': [1.5, 1]}, r'image_count is \[1.5, 1\]; expected a list of whole numbers, one per class'),
        ({'image_count': ['1', 1]}, 'expected a list of whole numbers'),
        ({'image_count': [float('nan'), 1]}, 'expected a list of whole numbers'),
        ({'instance_count': [[3], [2]]}, 'instance_count is .*expected a list of whole numbers'),
        ({'instance_count': None}, 'instance_count is None; expected a list of whole numbers'),
        ({'num_images': 9.5}, 'num_images is 9.5; expected a whole number'),
        ({'num_images': [9]}, 'num_images is .*; expected a whole number'),
        ({'num_imags': 9}, r"missing keys \[\], unknown keys \['num_imags'\]; valid keys"),
    ],
)
def test_a_mistake_is_one_line(change, message):
    good = {'image_count': [1, 2], 'instance_count': [3, 2], 'num_images': 9}
    ClassStatistics.from_dict(good)
    with pytest.raises(ValueError, match=message) as caught:
        ClassStatistics.from_dict(good | change)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('key', ['image_count', 'instance_count', 'num_images'])
def test_a_missing_key_is_named(key):
    data = {'image_count': [1], 'instance_count': [3], 'num_images': 9}
    del data[key]
    with pytest.raises(ValueError, match=rf"missing keys \['{key}'\]"):
        ClassStatistics.from_dict(data)


def test_classes_are_selected_by_name_in_the_order_given():
    stats = ClassStatistics([1, 20, 300], [4, 50, 600], 700, ['a', 'b', 'c'])
    part = stats.of_classes(['c', 'a'])
    assert part == ClassStatistics([300, 1], [600, 4], 700, ['c', 'a'])
    unnamed = ClassStatistics([1, 2], [3, 4], 5)
    assert unnamed.of_classes(['x', 'y']) == ClassStatistics([1, 2], [3, 4], 5, ['x', 'y'])


@pytest.mark.parametrize(
    ('names', 'classes', 'message'),
    [(['a', 'b'], ['a', 'dog'], "know nothing of class 'dog'"), ([], ['a'], 'are of 2 unnamed classes, but 1 classes')],
)
def test_a_class_that_is_not_known_is_one_line(names, classes, message):
    with pytest.raises(ValueError, match=message):
        ClassStatistics([1, 2], [3, 4], 5, names).of_classes(classes)


def test_labels_of_images_are_counted_by_image_and_by_instance():
    stats = ClassStatistics.from_labels([[0, 0, 2], np.array([]), [[2], [0]]], 4, names='abcd')
    assert stats.image_count.tolist() == [2, 0, 2, 0]
    assert stats.instance_count.tolist() == [3, 0, 2, 0]
    assert (stats.num_images, stats.total_images, stats.names) == (2, 3, ('a', 'b', 'c', 'd'))
    assert ClassStatistics.from_labels([], 2).image_count.tolist() == [0, 0]


@pytest.mark.parametrize('label', [-1, 3])
def test_a_label_that_is_no_class_is_named(label):
    with pytest.raises(ValueError, match=r'labels from .* expected labels in \[0, 3\), background left out'):
        ClassStatistics.from_labels([[0, label]], 3)
