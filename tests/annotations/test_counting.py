from __future__ import annotations

import json
import tracemalloc
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.annotations import (
    BadRecords,
    count_file,
    index_instances,
    load_class_statistics,
    read_annotation_file,
)
from longtail_det.statistics import ClassStatistics

from ..annotation_files import make_records

CATEGORIES = (2, 5, 9)
GOOD = {'image_id': 1, 'category_id': 2}
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


def as_file(annotations):
    """An annotation file whose categories are not sorted."""
    boxed = [{'id': n, 'bbox': [1, 1, 2, 2], 'area': 4, **ann} for n, ann in enumerate(annotations)]
    return {
        'info': {'image_count': 'not the counts'},
        'annotations': boxed,
        'categories': [{'id': i, 'name': name} for i, name in ((9, 'z'), (2, 'x'), (5, 'y'))],
        'images': [{'id': i, 'height': 9, 'width': 9, 'file_name': f'{i}.jpg'} for i in range(1, 5)],
    }


def count(annotations):
    with NamedTemporaryFile('w', suffix='.json') as file:
        json.dump(as_file(annotations), file)
        file.flush()
        return load_class_statistics(file.name)


@given(records)
def test_counts_are_those_of_a_loop(annotations):
    assert count([GOOD, *annotations]).to_dict().items() >= count_by_loop([GOOD, *annotations]).items()


@given(records, st.randoms(use_true_random=False))
def test_the_order_of_annotations_does_not_matter(annotations, random):
    annotations = [GOOD, *annotations]
    assert count(random.sample(annotations, len(annotations))) == count(annotations)


def test_no_annotations_are_counts_too():
    assert count([]).to_dict()['instance_count'] == [0, 0, 0]


def test_a_file_is_counted_as_the_tables_are_and_bad_records_are_left_out(tmp_path, caplog):
    path, records = tmp_path / 'train.json', make_records()
    path.write_text(json.dumps(records))
    expected = count_file(read_annotation_file(path, BadRecords('')))
    assert load_class_statistics(path) == expected
    records['annotations'][3:3] = [{'id': 1}, {**records['annotations'][0], 'category_id': 999, 'id': 10**6}]
    path.write_text(json.dumps(records))
    assert load_class_statistics(path) == expected
    assert 'left out 1 malformed annotations, for example annotation 1 has no image_id' in caplog.text


@pytest.mark.slow
def test_a_large_file_is_not_held_in_memory(tmp_path):
    """The 1.2 GB of LVIS v1 train would take many times that, in each process; here 20 MB of polygons."""
    path = tmp_path / 'train.json'
    polygon = [[float(n) for n in range(2000)]]
    path.write_text(json.dumps(as_file([{**GOOD, 'segmentation': polygon}] * 2000)))
    assert path.stat().st_size > 20 * 2**20
    tracemalloc.start()
    assert load_class_statistics(path).instance_count.tolist() == [2000, 0, 0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 2**20


@pytest.mark.parametrize('as_path', [str, lambda path: path])
def test_a_statistics_file_is_read_as_it_is(tmp_path, as_path):
    stats = ClassStatistics([1, 2], [3, 4], 5, ['a', 'b'])
    path = tmp_path / 'stats.json'
    path.write_text(json.dumps(stats.to_dict()))
    assert load_class_statistics(as_path(path)) == stats


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{"image_count": [1], "inst', r'stats\.json is not valid json.*; was it cut short'),
        ('', r'stats\.json is neither a statistics file .* found nothing at its start'),
        ('[]', r'stats\.json is neither a statistics file .* nor an LVIS or COCO annotation file'),
        ('{"licenses": []}', 'is neither a statistics file'),
        ('{"image_count": [1]}', r"missing keys \['instance_count', 'num_images'\]"),
        ('{"annotations": [], "images": []}', r'stats\.json has no categories; expected the format of LVIS or COCO'),
        (
            json.dumps({**as_file([]), 'categories': [{'id': 1}]}),
            r'no usable categories \(categories\[0\] has no id and',
        ),
        (json.dumps({**as_file([]), 'annotations': [{'id': 4}]}), 'annotation 4 has no image_id, category_id'),
        (json.dumps({**as_file([]), 'annotations': [7]}), r'annotations\[0\] is a int, expected an object'),
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


def test_the_spread_of_a_class_does_not_depend_on_the_size_of_the_images(tmp_path):
    def stats(width, height):
        places = [(0.1, 0.1), (0.1, 0.8), (0.8, 0.1), (0.8, 0.8), (0.4, 0.6)]
        boxes = [[x * width, y * height, 0.1 * width, 0.1 * height] for x, y in places]
        records = as_file([{**GOOD, 'bbox': box, 'area': box[2] * box[3]} for box in boxes])
        for image in records['images']:
            image.update(width=width, height=height)
        path = tmp_path / f'{width}.json'
        path.write_text(json.dumps(records))
        return load_class_statistics(path)

    square, wide = stats(100, 100), stats(2000, 500)
    assert square == wide
    assert square.fractal_dim.tolist() == [2.0, 1.0, 1.0]
    assert square.total_images == 4, 'images without annotation count too'
    assert ClassStatistics.from_dict(json.loads(json.dumps(square.to_dict()))) == square


@given(records)
def test_the_instances_that_are_indexed_are_those_that_are_counted(annotations):
    annotations = [GOOD, *annotations]
    with NamedTemporaryFile('w', suffix='.json') as file:
        json.dump(as_file(annotations), file)
        file.flush()
        read = read_annotation_file(file.name, BadRecords(file.name))
    index = index_instances(read)
    expected = count_by_loop(annotations)
    assert index.statistics('xyz').to_dict() == expected
    assert index.annotated.all()
    assert len(index) == expected['num_images']


def test_without_an_instance_there_is_no_index(tmp_path):
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(as_file([GOOD | {'iscrowd': 1}])))
    with pytest.raises(ValueError, match='there is no instance'):
        index_instances(read_annotation_file(path, BadRecords('train.json')))
