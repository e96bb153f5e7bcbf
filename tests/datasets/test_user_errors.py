"""Every mistake in an annotation file is one line that says what was found, expected and to do."""

from __future__ import annotations

import json
import logging

import pytest

from longtail_det.datasets import LVISDataset

from ..annotation_files import (
    BOX,
    HEIGHT,
    WIDTH,
    all_info,
    annotation,
    box_polygon,
    compressed_rle,
    good_records,
    image,
)


def one_more(**changes):
    """Add an annotation with id 50 to a good file and change it; a value of None takes the key away."""

    def spoil(records):
        record = annotation(50, 1, 3, BOX) | changes
        records['annotations'].append({key: value for key, value in record.items() if value is not None})

    return spoil


def one_more_mask(segmentation):
    return one_more(segmentation=segmentation)


def in_table(key, record):
    return lambda records: records[key].append(record)


@pytest.fixture
def warnings():
    """The warnings that were logged of bad records."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger('longtail_det.annotations.bad_records')
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


#: name -> (how to spoil a good file, what the message says of the record)
BAD_RECORDS = {
    'category unknown': (one_more(category_id=99), 'annotation 50: category_id 99 is none of the 4 categories'),
    'image unknown': (one_more(image_id=77), 'annotation 50: image_id 77 is none of the 2 images'),
    'annotation twice': (in_table('annotations', annotation(3, 1, 3, BOX)), 'annotation 3: its id is used twice'),
    'image twice': (in_table('images', image(2)), 'image id 2 is used twice'),
    'category twice': (in_table('categories', {'id': 3, 'name': 'x'}), 'category id 3 is used twice'),
    'box right of the image': (
        one_more(bbox=[WIDTH, 0, 9, 9]),
        'annotation 50: bbox [80.0, 0.0, 9.0, 9.0] does not meet its image of 80x60',
    ),
    'box below the image': (one_more(bbox=[3, HEIGHT + 1, 9, 9]), 'bbox [3.0, 61.0, 9.0, 9.0] does not meet its image'),
    'box above the image': (one_more(bbox=[3, -9, 9, 9]), 'bbox [3.0, -9.0, 9.0, 9.0] does not meet its image'),
    'box negative': (one_more(bbox=[20, 20, -9, 9]), 'annotation 50: bbox [20.0, 20.0, -9.0, 9.0] is not x, y, width'),
    'box not finite': (one_more(bbox=[0, 0, float('nan'), 9]), 'annotation 50: bbox [0.0, 0.0, nan, 9.0] is not'),
    'box of 3 numbers': (one_more(bbox=[0, 0, 9]), 'annotation 50 has bbox [0, 0, 9], expected four numbers'),
    'box of 5 numbers': (
        one_more(bbox=[0, 0, 9, 9, 9]),
        'annotation 50 has bbox [0, 0, 9, 9, 9], expected four numbers',
    ),
    'box of text': (one_more(bbox=['0', 0, 9, 9]), "annotation 50 has bbox ['0', 0, 9, 9], expected four numbers"),
    'box missing': (one_more(bbox=None), 'annotation 50 has no bbox'),
    'area missing': (one_more(area=None, image_id=None), 'annotation 50 has no image_id, area'),
    'area text': (one_more(area='9'), "annotation 50 has area '9', expected a number"),
    'area not finite': (one_more(area=float('inf')), 'annotation 50: area inf is no number of square pixels'),
    'image id text': (one_more(image_id='1'), "annotation 50 has image_id '1', expected an integer"),
    'category id fractional': (one_more(category_id=3.5), 'annotation 50 has category_id 3.5, expected an integer'),
    'annotation id missing': (one_more(id=None), 'annotations[5] has no id'),
    'annotation id huge': (one_more(id=2**70), f'annotation {2**70} has id {2**70}, expected an integer'),
    'annotation no object': (in_table('annotations', 7), 'annotations[5] is a int, expected an object'),
    'polygon of 2 points': (
        one_more_mask([[1, 1, 5, 5]]),
        'annotation 50: polygon 0 has 4 numbers, expected x, y of at least 3 points',
    ),
    'polygon odd': (one_more_mask([[1, 1, 5, 5, 1, 5, 3]]), 'annotation 50: polygon 0 has 7 numbers, expected an even'),
    'polygon empty': (one_more_mask([[]]), 'annotation 50: polygon 0 has 0 numbers'),
    'polygon not nested': (one_more_mask(box_polygon(*BOX)), 'annotation 50: polygon 0 is not a flat list of numbers'),
    'polygon of points': (
        one_more_mask([[[1, 1], [5, 1], [5, 5], [1, 5], [1, 3], [1, 2]]]),
        'annotation 50: polygon 0 is not a flat list of numbers x1, y1, x2, y2',
    ),
    'segmentation text': (one_more_mask('abc'), 'annotation 50: segmentation is a str, expected polygons or an RLE'),
    'RLE without size': (one_more_mask({'counts': 'abc'}), 'annotation 50: RLE size None, expected [height, width]'),
    'RLE without counts': (one_more_mask({'size': [HEIGHT, WIDTH]}), 'annotation 50: RLE counts are a NoneType'),
    'RLE too short': (
        one_more_mask({'size': [HEIGHT, WIDTH], 'counts': [10, 20]}),
        'annotation 50: RLE counts add up to 30, expected height x width = 4800',
    ),
    'RLE counts of text': (
        one_more_mask({'size': [HEIGHT, WIDTH], 'counts': ['10', 20]}),
        'annotation 50: RLE counts are not all whole numbers of at least 0',
    ),
    'RLE transposed': (
        one_more_mask(compressed_rle(*BOX) | {'size': [WIDTH, HEIGHT]}),
        'annotation 50: RLE of 60x80 on an image of 80x60',
    ),
    'image without size': (in_table('images', {'id': 3, 'file_name': 'a.jpg'}), 'image 3 has no height, width'),
    'image of size 0': (in_table('images', image(3, height=0)), 'image 3: its size is 80x0'),
    'image size text': (in_table('images', image(3, height='60')), "image 3 has height '60', expected an integer"),
    'image without name': (
        in_table('images', {'id': 3, 'height': 9, 'width': 9}),
        'image 3 has no file_name or coco_url',
    ),
    'image no object': (in_table('images', None), 'images[2] is a NoneType, expected an object'),
    'category without name': (in_table('categories', {'id': 4}), 'categories[4] has no id and name'),
    'category id text': (
        in_table('categories', {'id': '4', 'name': 'x'}),
        "categories[4] has id '4' and name 'x', expected an integer id and text name",
    ),
    'category no object': (in_table('categories', 'cat'), 'categories[4] has no id and name'),
}


@pytest.mark.parametrize(('spoil', 'message'), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_bad_record_is_named(spoil, message, load):
    records = good_records()
    spoil(records)
    with pytest.raises(ValueError, match='1 bad record: ') as caught:
        load(records)
    text = str(caught.value)
    assert message in text
    assert 'train.json: 1 bad record: ' in text
    assert text.endswith("go on without them by on_bad='skip'")
    assert '\n' not in text


@pytest.mark.parametrize(('spoil', 'message'), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_skipping_a_bad_record_leaves_the_good_ones(spoil, message, load, warnings):
    expected = load(good_records())
    records = good_records()
    spoil(records)
    dataset = load(records, on_bad='skip')
    assert all_info(dataset) == all_info(expected)
    assert dataset.metainfo == expected.metainfo
    assert dataset.class_statistics == expected.class_statistics
    assert len(warnings) == 1
    assert 'left out 1 ' in warnings[0]
    assert message in warnings[0]


def test_one_bad_polygon_of_two_is_left_out_and_the_other_stays(load):
    records = good_records()
    one_more_mask([[1, 1, 5, 5], box_polygon(*BOX)])(records)
    with pytest.raises(ValueError, match='annotation 50: polygon 0 has 4 numbers'):
        load(records)
    masks = [i['mask'] for info in all_info(load(records, on_bad='skip')) for i in info['instances']]
    assert masks.count([box_polygon(*BOX)]) == 5
    assert len(masks) == 6


def test_many_bad_records_are_counted_and_the_first_five_named(load, warnings):
    records = good_records()
    records['annotations'] += [annotation(100 + i, 1, 99, BOX) for i in range(4)]
    records['annotations'] += [annotation(200 + i, 66, 3, BOX) for i in range(4)]
    with pytest.raises(ValueError, match='8 bad records: ') as caught:
        load(records)
    text = str(caught.value)
    assert [f'annotation {i}:' in text for i in (100, 101, 102, 103, 200, 201)] == [True] * 5 + [False]
    assert '; and 3 more.' in text
    load(records, on_bad='skip')
    assert [line.split('left out ')[1].split(', for')[0] for line in warnings] == [
        '4 annotations of an unknown category',
        '4 annotations of an unknown image',
    ]


def test_a_record_that_is_bad_twice_is_counted_once(load):
    records = good_records()
    one_more(category_id=99, image_id=77, bbox=[-50, 0, 9, 9])(records)
    with pytest.raises(ValueError, match='1 bad record: '):
        load(records)


@pytest.mark.parametrize('more', [{'ignore': 1}, {'area': 0}, {'bbox': [-50, 0, 0.5, 9]}])
def test_what_is_never_trained_on_may_lie_outside(more, load):
    records = good_records()
    records['annotations'].append(annotation(50, 1, 3, (-50, 0, 9, 9)) | more)
    assert all_info(load(records)) == all_info(load(good_records()))


# ---- whole files

WHOLE = json.dumps(good_records())
FILES = {
    'cut short': (WHOLE[:-300], rf'train.json is not valid json: .* of {len(WHOLE) - 300} bytes; was it cut short'),
    'cut in an array': (WHOLE[: WHOLE.index('"area"')], 'train.json is not valid json: .*Fetch it again'),
    'empty': ('', 'train.json is no LVIS or COCO annotation file: .* found nothing at its start'),
    'a list': ('[{"image_id": 1, "score": 0.5}]', r"expected a json object .* found '\[\{"),
    'not json': ('<html>404</html>', "found '<html>404</html>' at its start"),
    'a letter cut': ('<html><body>1234567é</body>', "found '<html><body>1234567' at its start"),
    'a zip': (
        b'PK\x03\x04\xff\xfe\x00',
        'train.json is not a text file; if it is a zip or gz archive, unpack it first',
    ),
    'no images': (
        json.dumps({'annotations': [], 'categories': []}),
        'has no images; expected the format of LVIS or COCO',
    ),
    'nothing in it': ('{}', 'has no images, annotations, categories; expected the format'),
    'images empty': (json.dumps(good_records() | {'images': []}), 'holds no usable images'),
    'images all bad': (
        json.dumps(good_records() | {'images': [{'id': 1}]}),
        r'holds no usable images \(image 1 has no height, width\)',
    ),
    'images all of no size': (
        json.dumps(good_records() | {'images': [image(1, width=0)]}),
        r'holds no usable images \(image 1: its size is 0x60, expected at least 1x1 and at most \d+ pixels\)',
    ),
    'categories empty': (json.dumps(good_records() | {'categories': []}), 'holds no usable categories'),
    'images an object': (json.dumps(good_records() | {'images': {}}), 'has no images; expected the format'),
}


@pytest.mark.parametrize(('content', 'message'), FILES.values(), ids=FILES)
@pytest.mark.parametrize('on_bad', ['error', 'skip'])
def test_a_broken_file_is_one_line(content, message, on_bad, tmp_path):
    path = tmp_path / 'train.json'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message) as caught:
        LVISDataset(ann_file=str(path), on_bad=on_bad)
    assert '\n' not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_byte_order_mark_is_no_mistake(load, tmp_path):
    expected = load(good_records())
    path = tmp_path / 'train.json'
    path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    dataset = LVISDataset(ann_file='train.json', data_root=str(tmp_path))
    assert dataset.class_statistics == expected.class_statistics
