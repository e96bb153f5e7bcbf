from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.annotations import count_annotations, load_class_statistics
from longtail_det.statistics import ClassStatistics

CATEGORIES = (2, 5, 9)
flags = st.sampled_from([{}, {'iscrowd': 0}, {'iscrowd': 1}, {'ignore': True}])
records = st.lists(
    st.builds(
        lambda image_id, category_id, more: {'image_id': image_id, 'category_id': category_id, **more},
        st.integers(1, 4),
        st.sampled_from([*CATEGORIES, 77]),
        flags,
    ),
    max_size=12,
)


def count_by_loop(annotations):
    images, instances = {c: set() for c in CATEGORIES}, dict.fromkeys(CATEGORIES, 0)
    for annotation in annotations:
        if annotation.get('iscrowd') or annotation.get('ignore') or annotation['category_id'] == 77:
            continue
        images[annotation['category_id']].add(annotation['image_id'])
        instances[annotation['category_id']] += 1
    return {
        'image_count': [len(images[c]) for c in CATEGORIES],
        'instance_count': list(instances.values()),
        'num_images': len(set().union(*images.values())),
        'names': ['x', 'y', 'z'],
    }


@given(records)
def test_counts_are_those_of_a_loop(annotations):
    assert count_annotations(annotations, CATEGORIES, 'xyz').to_dict() == count_by_loop(annotations)


@given(records, st.randoms(use_true_random=False))
def test_the_order_of_annotations_does_not_matter(annotations, random):
    shuffled = random.sample(annotations, len(annotations))
    assert count_annotations(shuffled, CATEGORIES) == count_annotations(annotations, CATEGORIES)


@given(records, st.permutations(range(3)))
def test_permuting_the_classes_permutes_the_counts(annotations, order):
    straight = count_annotations(annotations, CATEGORIES)
    permuted = count_annotations(annotations, [CATEGORIES[c] for c in order])
    assert permuted.image_count.tolist() == straight.image_count[order].tolist()
    assert permuted.instance_count.tolist() == straight.instance_count[order].tolist()
    assert permuted.num_images == straight.num_images


def test_no_classes_and_no_annotations_are_counts_too():
    assert count_annotations([], []).to_dict()['image_count'] == []
    assert count_annotations([], CATEGORIES).to_dict()['instance_count'] == [0, 0, 0]


ANNOTATIONS = [{'image_id': 1, 'category_id': 9}, {'image_id': 1, 'category_id': 2}, {'image_id': 3, 'category_id': 9}]


def test_an_annotation_file_is_counted_in_the_order_of_its_category_ids(tmp_path):
    path = tmp_path / 'train.json'
    categories = [{'id': i, 'name': name} for i, name in ((9, 'z'), (2, 'x'), (5, 'y'))]
    path.write_text(json.dumps({'annotations': ANNOTATIONS, 'categories': categories, 'images': []}))
    assert load_class_statistics(path) == ClassStatistics([1, 0, 2], [1, 0, 2], 2, ['x', 'y', 'z'])


@pytest.mark.parametrize('as_path', [str, lambda path: path])
def test_a_statistics_file_is_read_as_it_is(tmp_path, as_path):
    stats = ClassStatistics([1, 2], [3, 4], 5, ['a', 'b'])
    path = tmp_path / 'stats.json'
    path.write_text(json.dumps(stats.to_dict()))
    assert load_class_statistics(as_path(path)) == stats


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{"image_count": [1], "inst', r'stats\.json is not valid json .*; was it cut short'),
        ('', r'stats\.json is not valid json'),
        ('[]', r'stats\.json is neither a statistics file .* nor an LVIS or COCO annotation file'),
        ('{"images": []}', 'is neither a statistics file'),
        ('{"image_count": [1]}', r"missing keys \['instance_count', 'num_images'\]"),
        ('{"annotations": [], "categories": [{"id": 1}]}', r"stats\.json: a category without .*'name'"),
        ('{"annotations": [{"image_id": 1}], "categories": []}', "an annotation without .*'category_id'"),
        ('{"annotations": [7], "categories": []}', 'an annotation without'),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, content, message):
    path = tmp_path / 'stats.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_class_statistics(path)
    assert '\n' not in str(caught.value)


def test_a_missing_file_is_one_line_that_says_how_to_make_it(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'not found: .*none\.json; write one with python tools/data/class_stat'
    ):
        load_class_statistics(tmp_path / 'none.json')
