"""Bad results files."""

from __future__ import annotations

import json
from typing import Any

from ..annotation_files import BOX, HEIGHT, WIDTH
from .bad_files import INF, NAN, RLE, TRIANGLE

RESULT = {'image_id': 1, 'category_id': 3, 'score': 0.5, 'bbox': list(BOX), 'segmentation': RLE}


def result(**fields: Any) -> str:
    """Return a results file whose second record is changed."""
    return json.dumps([RESULT, {**RESULT, **fields}])


def without(field: str) -> str:
    """Return a results file whose second record lacks a field."""
    return json.dumps([RESULT, {key: value for key, value in RESULT.items() if key != field}])


def result_mask(**fields: Any) -> str:
    """Return a results file whose second mask is changed."""
    return result(segmentation={**RLE, **fields})


#: name -> (content of the file, what the line says)
RESULTS: dict[str, tuple[str | bytes, str]] = {
    'rle garbage': (result_mask(counts='garbage!'), 'whose counts add up to height x width'),
    'rle cut': (result_mask(counts=RLE['counts'][:-1]), 'whose counts add up to height x width'),
    'rle overrun': (result_mask(counts=RLE['counts'] + '1'), 'whose counts add up to height x width'),
    'rle half a run': (result_mask(counts='PP'), 'whose counts add up to height x width'),
    'rle empty': (result_mask(counts=''), 'whose counts add up to height x width'),
    'rle no ascii': (result_mask(counts='é'), 'compressed counts'),
    'rle other size': (result_mask(size=[WIDTH, HEIGHT]), 'RLE of size [80, 60] on image 1, expected [60, 80]'),
    'rle size -1': (result_mask(size=[-1, -4800]), 'whose size [height, width] is above 0'),
    'rle size 0': (result_mask(size=[0, 0]), 'whose size [height, width] is above 0'),
    'rle size huge': (result_mask(size=[2**30, 2**30]), 'whose counts add up to height x width'),
    'rle size 2**40': (result_mask(size=[2**40, 1]), 'whose size [height, width] is above 0'),
    'rle size text': (result_mask(size=['60', '80']), 'an RLE with size'),
    'rle size null': (result_mask(size=None), 'an RLE with size'),
    'rle counts list': (result_mask(counts=[5, 1000000000]), 'compressed counts'),
    'rle counts number': (result_mask(counts=7), 'compressed counts'),
    'mask polygons': (result(segmentation=[TRIANGLE]), 'an RLE with size'),
    'mask ""': (result(segmentation=''), 'an RLE with size'),
    'mask null': (result(segmentation=None), 'an RLE with size'),
    'mask a number': (result(segmentation=5), 'an RLE with size'),
    'box nan': (result(bbox=[0, 0, NAN, 9]), 'expected four finite numbers'),
    'box inf': (result(bbox=[0, 0, INF, 9]), 'expected four finite numbers'),
    'box negative': (result(bbox=[0, 0, -1, 9]), 'width >= 0, height >= 0'),
    'box of three': (result(bbox=[0, 0, 5]), 'expected four finite numbers'),
    'box text': (result(bbox='0 0 5 5'), 'expected four finite numbers'),
    'box 10**400': (result(bbox=[0, 0, 10**400, 9]), 'expected four finite numbers'),
    'score nan': (result(score=NAN), 'expected a finite number'),
    'score inf': (result(score=INF), 'expected a finite number'),
    'score text': (result(score='high'), 'expected a finite number'),
    'score null': (result(score=None), 'expected a finite number'),
    'score true': (result(score=True), 'expected a finite number'),
    'score missing': (without('score'), "has no 'score'"),
    'image_id text': (result(image_id='1'), 'expected a whole number'),
    'image_id 2**70': (result(image_id=2**70), 'expected a whole number'),
    'image_id float': (result(image_id=1.5), 'expected a whole number'),
    'image_id nan': (result(image_id=NAN), 'expected a whole number'),
    'image_id unknown': (result(image_id=77), 'image id 77 was predicted but is not among the 2 images'),
    'category_id text': (result(category_id='3'), 'expected a whole number'),
    'category_id 2**70': (result(category_id=2**70), 'expected a whole number'),
    'category_id missing': (without('category_id'), "has no 'category_id'"),
    'record null': (json.dumps([RESULT, None]), 'is a NoneType; expected an object'),
    'record a list': (json.dumps([RESULT, []]), 'is a list; expected an object'),
    'an object': (json.dumps({'results': []}), 'expected a list of result records'),
    'a number': ('7', 'expected a list of result records'),
    'empty': ('', 'is not valid json'),
    'cut': (json.dumps([RESULT] * 3)[:-40], 'is not valid json'),
    'a pickle': (b'\x80\x04\xff.', 'is not valid json'),
    'nested arrays': ('[' * 100_000, 'results.json'),
}
