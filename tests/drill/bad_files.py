"""Bad annotation files: what a stranger, a broken tool or a slip of the pen can give."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from ..annotation_files import BOX, HEIGHT, WIDTH, compressed_rle, good_records, image

Records = dict[str, Any]
Spoil = Callable[[Records], Any]

NAN, INF = float('nan'), float('inf')
SIZE = [HEIGHT, WIDTH]
TRIANGLE = [1, 1, 9, 1, 9, 9]
RLE = compressed_rle(*BOX)


def one(**fields: Any) -> Spoil:
    """Change the first annotation."""
    return lambda records: records['annotations'][0].update(fields)


def mask(segmentation: Any) -> Spoil:
    """Change the mask of the first annotation."""
    return one(segmentation=segmentation)


def picture(**fields: Any) -> Spoil:
    """Change the first image."""
    return lambda records: records['images'][0].update(fields)


def category(**fields: Any) -> Spoil:
    """Change the first category."""
    return lambda records: records['categories'][0].update(fields)


def lose(key: str, field: str) -> Spoil:
    """Take a field of the first record away."""
    return lambda records: records[key][0].pop(field)


def more(key: str, record: Any) -> Spoil:
    """Add a record."""
    return lambda records: records[key].append(record)


#: name -> (how to spoil a good file, what the line says)
ANNOTATIONS: dict[str, tuple[Spoil, str]] = {
    # polygons
    'vertex nan': (mask([[1, 1, 9, NAN, 9, 9]]), 'expected finite x, y'),
    'vertex inf': (mask([[1, 1, INF, 1, 9, 9]]), 'expected finite x, y'),
    'vertex -inf': (mask([[1, 1, -INF, 1, 9, 9]]), 'expected finite x, y'),
    'vertex 1e300': (mask([[1, 1, 1e300, 1, 9, 9]]), 'far from its image of 80x60'),
    'vertex 1e9': (mask([[1, 1, 9, 10**9, 9, 9]]), 'far from its image of 80x60'),
    'vertex 10**400': (mask([[1, 1, 9, 10**400, 9, 9]]), 'is not a flat list of numbers'),
    'vertex -1e7': (mask([TRIANGLE, [-1e7, 1, 9, 1, 9, 9]]), 'far from its image'),
    'polygon outside': (mask([[100, 1, 120, 1, 120, 9]]), 'does not meet its image'),
    'polygon below': (mask([[1, 90, 9, 90, 9, 99]]), 'does not meet its image'),
    'vertex text': (mask([[1, 1, '9', 1, 9, 9]]), 'is not a flat list of numbers'),
    'vertex null': (mask([[1, 1, None, 1, 9, 9]]), 'is not a flat list of numbers'),
    'vertex true': (mask([[1, 1, True, 1, 9, 9]]), 'is not a flat list of numbers'),
    'vertex nested': (mask([[[1, 1], [9, 1], [9, 9]]]), 'polygon 0'),
    'polygon odd': (mask([[1, 1, 9, 1, 9, 9, 3]]), 'expected an even count'),
    'polygon of two numbers': (mask([[1, 2]]), 'has 2 numbers, expected x, y of at least 3 points'),
    'polygon empty': (mask([[]]), 'has 0 numbers'),
    'polygon null': (mask([None]), 'is not a flat list of numbers'),
    'polygon an object': (mask([{}]), 'is not a flat list of numbers'),
    'polygon flat': (mask(TRIANGLE), 'is not a flat list of numbers'),
    'segmentation ""': (mask(''), 'segmentation is a str'),
    'segmentation text': (mask('polygon'), 'segmentation is a str'),
    'segmentation 0': (mask(0), 'segmentation is a int'),
    'segmentation true': (mask(True), 'segmentation is a bool'),
    'segmentation {}': (mask({}), 'no segmentation'),
    'segmentation []': (mask([]), 'no segmentation'),
    'segmentation null': (mask(None), 'no segmentation'),
    'segmentation missing': (lose('annotations', 'segmentation'), 'no segmentation'),
    # RLEs
    'rle garbage': (mask({'size': SIZE, 'counts': 'garbage!'}), 'RLE counts are no run lengths'),
    'rle spaces': (mask({'size': SIZE, 'counts': '   '}), 'RLE counts are no run lengths'),
    'rle half a run': (mask({'size': SIZE, 'counts': 'PPP'}), 'RLE counts are no run lengths'),
    'rle a long run': (mask({'size': SIZE, 'counts': 'P' * 5000 + '1'}), 'RLE counts are no run lengths'),
    'rle no ascii': (mask({'size': SIZE, 'counts': 'é'}), 'RLE counts are no run lengths'),
    'rle nul': (mask({'size': SIZE, 'counts': '\0'}), 'RLE counts are no run lengths'),
    'rle negative run': (mask({'size': SIZE, 'counts': '5O'}), 'RLE counts are no run lengths'),
    'rle cut': (mask({**RLE, 'counts': RLE['counts'][:-1]}), 'RLE counts'),
    'rle overrun': (mask({**RLE, 'counts': RLE['counts'] + '1'}), 'expected height x width = 4800'),
    'rle other size': (mask({**RLE, 'size': [WIDTH, HEIGHT]}), 'on an image of 80x60'),
    'rle huge size': (mask({**RLE, 'size': [10**9, 10**9]}), 'on an image of 80x60'),
    'rle size 2**70': (mask({**RLE, 'size': [2**70, 5]}), 'RLE size'),
    'rle size -1': (mask({**RLE, 'size': [-1, -4800]}), 'expected [height, width]'),
    'rle size 0': (mask({**RLE, 'size': [0, 0]}), 'expected [height, width]'),
    'rle size text': (mask({**RLE, 'size': ['60', '80']}), 'expected [height, width]'),
    'rle size floats': (mask({**RLE, 'size': [60.0, 80.0]}), 'expected [height, width]'),
    'rle size of three': (mask({**RLE, 'size': [60, 80, 3]}), 'expected [height, width]'),
    'rle size null': (mask({**RLE, 'size': None}), 'expected [height, width]'),
    'rle without size': (mask({'counts': RLE['counts']}), 'RLE size None'),
    'rle without counts': (mask({'size': SIZE}), 'RLE counts are a NoneType'),
    'rle counts empty': (mask({'size': SIZE, 'counts': ''}), 'RLE counts are a str'),
    'rle counts a number': (mask({'size': SIZE, 'counts': 4800}), 'RLE counts are a int'),
    'rle counts overrun': (mask({'size': SIZE, 'counts': [5, 1000000000]}), 'RLE counts add up to 1000000005'),
    'rle counts short': (mask({'size': SIZE, 'counts': [5, 10]}), 'RLE counts add up to 15'),
    'rle counts negative': (mask({'size': SIZE, 'counts': [4810, -10]}), 'not all whole numbers of at least 0'),
    'rle counts floats': (mask({'size': SIZE, 'counts': [4800.0]}), 'not all whole numbers'),
    'rle counts texts': (mask({'size': SIZE, 'counts': ['4800']}), 'not all whole numbers'),
    'rle counts none': (mask({'size': SIZE, 'counts': []}), 'RLE counts add up to 0'),
    'rle counts 2**70': (mask({'size': SIZE, 'counts': [2**70]}), 'RLE counts add up to'),
    'rle huge image': (mask({'size': [2**31, 2**31], 'counts': [2**62]}), 'on an image of 80x60'),
    # boxes, areas, flags
    'box nan': (one(bbox=[0, 0, NAN, 9]), 'is not x, y, width >= 0'),
    'box inf': (one(bbox=[0, 0, INF, 9]), 'is not x, y, width >= 0'),
    'box negative': (one(bbox=[20, 20, -5, 9]), 'is not x, y, width >= 0'),
    'box 1e300': (one(bbox=[0, 0, 1e300, 9]), 'reaches far from its image'),
    'box -1e9': (one(bbox=[-1e9, 0, 1e9 + 5, 9]), 'reaches far from its image'),
    'box 10**400': (one(bbox=[0, 0, 10**400, 9]), 'expected four numbers'),
    'box outside': (one(bbox=[90, 0, 5, 9]), 'does not meet its image'),
    'box of three': (one(bbox=[0, 0, 5]), 'expected four numbers'),
    'box of text': (one(bbox='0 0 5 9'), 'expected four numbers'),
    'box null': (one(bbox=None), 'expected four numbers'),
    'box of booleans': (one(bbox=[True, True, True, True]), 'expected four numbers'),
    'box missing': (lose('annotations', 'bbox'), 'has no bbox'),
    'area nan': (one(area=NAN), 'is no number of square pixels'),
    'area inf': (one(area=INF), 'is no number of square pixels'),
    'area negative': (one(area=-5), 'area -5.0 is no number of square pixels'),
    'area text': (one(area='9'), "has area '9', expected a number"),
    'area null': (one(area=None), 'has area None, expected a number'),
    'area missing': (lose('annotations', 'area'), 'has no area'),
    'iscrowd yes': (one(iscrowd='yes'), "has iscrowd 'yes', expected 0 or 1"),
    'iscrowd 2': (one(iscrowd=2), 'has iscrowd 2, expected 0 or 1'),
    'iscrowd nan': (one(iscrowd=NAN), 'has iscrowd nan, expected 0 or 1'),
    'iscrowd list': (one(iscrowd=[]), 'has iscrowd [], expected 0 or 1'),
    'ignore no': (one(ignore='no'), "has ignore 'no', expected 0 or 1"),
    'ignore -1': (one(ignore=-1), 'has ignore -1, expected 0 or 1'),
    # ids
    'id 2**70': (one(id=2**70), 'expected an integer'),
    'id text': (one(id='a'), "has id 'a', expected an integer"),
    'id true': (one(id=True), 'has id True, expected an integer'),
    'id twice': (one(id=1), 'annotation 1: its id is used twice'),
    'id missing': (lose('annotations', 'id'), 'annotations[0] has no id'),
    'image_id text': (one(image_id='1'), "has image_id '1', expected an integer"),
    'image_id 2**70': (one(image_id=2**70), 'expected an integer'),
    'image_id float': (one(image_id=1.5), 'has image_id 1.5, expected an integer'),
    'image_id unknown': (one(image_id=77), 'image_id 77 is none of the 2 images'),
    'category_id text': (one(category_id='3'), "has category_id '3', expected an integer"),
    'category_id null': (one(category_id=None), 'has category_id None, expected an integer'),
    'category_id unknown': (one(category_id=99), 'category_id 99 is none of the 4 categories'),
    'annotation a number': (more('annotations', 7), 'is a int, expected an object'),
    'annotation null': (more('annotations', None), 'is a NoneType, expected an object'),
    'annotation a list': (more('annotations', []), 'is a list, expected an object'),
    # images
    'image id 2**70': (picture(id=2**70), 'expected an integer'),
    'image id text': (picture(id='1'), "has id '1', expected an integer"),
    'image twice': (more('images', image(2)), 'image id 2 is used twice'),
    'height nan': (picture(height=NAN), 'has height nan, expected an integer'),
    'height 0': (picture(height=0), 'its size is 80x0, expected at least 1x1'),
    'height -5': (picture(height=-5), 'its size is 80x-5'),
    'height text': (picture(height='60'), "has height '60', expected an integer"),
    'height 2**40': (picture(height=2**40), 'and at most 536870912 pixels'),
    'image of 2**62 pixels': (picture(height=2**31, width=2**31), 'and at most 536870912 pixels'),
    'width 2**70': (picture(width=2**70), 'expected an integer'),
    'width missing': (lose('images', 'width'), 'has no width'),
    'image null': (more('images', None), 'is a NoneType, expected an object'),
    'negatives text': (picture(neg_category_ids='3'), 'has neg_category_ids that are not category ids'),
    'negatives of text': (picture(neg_category_ids=['3']), 'has neg_category_ids that are not category ids'),
    'negatives 2**70': (picture(neg_category_ids=[2**70]), 'has neg_category_ids that are not category ids'),
    'negatives null': (picture(neg_category_ids=None), 'has neg_category_ids that are not category ids'),
    'negatives an object': (picture(neg_category_ids={}), 'has neg_category_ids that are not category ids'),
    'unsure nested': (picture(not_exhaustive_category_ids=[[3]]), 'has not_exhaustive_category_ids that are not'),
    # categories
    'category id 2**70': (category(id=2**70), 'expected an integer id'),
    'category id text': (category(id='2'), 'expected an integer id'),
    'category id true': (category(id=True), 'expected an integer id'),
    'category name a number': (category(name=7), 'expected an integer id and text name'),
    'category name null': (category(name=None), 'expected an integer id and text name'),
    'category name twice': (category(name='dog'), "are both named 'dog'"),
    'category id twice': (category(id=3), 'category id 3 is used twice'),
    'category a list': (more('categories', []), 'categories[4] has no id and name'),
}

#: what evaluation alone reads
FREQUENCIES: dict[str, tuple[Spoil, str]] = {
    'frequency x': (
        lambda records: [each.update(frequency='x') for each in records['categories']],
        "has frequency 'x'; expected one of",
    ),
    'frequency a list': (
        lambda records: [each.update(frequency=[]) for each in records['categories']],
        'has frequency []; expected one of',
    ),
    'image_count text': (
        lambda records: [each.update(image_count='many') for each in records['categories']],
        "has image_count 'many'; expected a number of training images",
    ),
    'image_count negative': (
        lambda records: [each.update(image_count=-1) for each in records['categories']],
        'has image_count -1; expected a number of training images',
    ),
}

WHOLE = json.dumps(good_records())
#: too deep for the recursion limit of Python, and from 3.14 on for the C stack
DEEP = 1_000_000
RECORD = json.dumps(good_records()['annotations'][0])
#: name -> (content of the file, what the line says)
FILES: dict[str, tuple[str | bytes, str]] = {
    'empty': ('', 'found nothing at its start'),
    'a list': ('[]', 'expected a json object'),
    'a number': ('7', 'expected a json object'),
    'html': ('<html>404</html>', 'expected a json object'),
    'a zip': (b'PK\x03\x04\xff\xfe', 'is not a text file'),
    'an object of nothing': ('{}', 'has no images, annotations, categories'),
    'cut': (WHOLE[: len(WHOLE) // 2], 'was it cut short'),
    'a brace too many': (WHOLE + '}', 'is not valid json'),
    'no utf-8': (WHOLE.replace('cat', '\udcff').encode('utf-8', 'surrogateescape'), 'categories'),
    'nested arrays': ('{"images": ' + '[' * DEEP + ']' * DEEP + '}', 'nested too deeply'),
    'nested info': (WHOLE[:-1] + ', "info": ' + '[' * DEEP + ']' * DEEP + '}', 'nested too deeply'),
    'nested objects': (WHOLE[:-1] + ', "info": ' + '{"a":' * DEEP + '0' + '}' * DEEP + '}', 'nested too deeply'),
    'annotations twice': (WHOLE[:-1] + ', "annotations": []}', 'has annotations twice'),
    'images twice': (WHOLE[:-1] + ', "images": []}', 'has images twice'),
    'a key of an annotation twice': (
        WHOLE.replace(RECORD, RECORD[:-1] + ', "area": 3}'),
        'has area twice',
    ),
    'a key of an image twice': (WHOLE.replace('"width": 80', '"width": 80, "width": 81', 1), 'has width twice'),
    'a key of a category twice': (
        WHOLE.replace('"name": "cat"', '"name": "a", "name": "cat"'),
        'categories[0] has name twice',
    ),
    'images an object': (json.dumps({**good_records(), 'images': {}}), 'has no images'),
    'annotations null': (json.dumps({**good_records(), 'annotations': None}), 'has no annotations'),
    'categories text': (json.dumps({**good_records(), 'categories': 'cat'}), 'has no categories'),
    'images none': (json.dumps({**good_records(), 'images': []}), 'holds no usable images'),
    'categories none': (json.dumps({**good_records(), 'categories': []}), 'holds no usable categories'),
}


def spoiled(spoil: Spoil) -> Records:
    """Return a good file that was spoiled."""
    records = copy.deepcopy(good_records())
    spoil(records)
    return records
