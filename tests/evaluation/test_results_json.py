from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from longtail_det.evaluation import read_results, result_fields, results_json
from longtail_det.evaluation.lvis import detection_columns


def rle(height: int, width: int, rng: np.random.Generator) -> dict:
    """Runs of random lengths that make a mask of this size."""
    edges = np.sort(rng.integers(0, height * width + 1, rng.integers(1, 9)))
    runs = np.diff(edges, prepend=0, append=height * width).tolist()
    encoded = coco_mask.frPyObjects({'size': [height, width], 'counts': runs}, height, width)
    return {'size': encoded['size'], 'counts': encoded['counts'].decode()}


def records(count: int) -> list[dict]:
    rng = np.random.default_rng(0)
    return [
        {
            'image_id': int(rng.integers(50)),
            'category_id': int(rng.integers(9)),
            'score': float(rng.random()),
            'bbox': rng.random(4).tolist(),
            'segmentation': rle(int(rng.integers(9, 99)), 7, rng),
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize('count', [0, 1, 5000])
@pytest.mark.parametrize('indent', [None, 1])
def test_a_file_gives_what_its_records_give(tmp_path, count, indent):
    (tmp_path / 'r.json').write_text(json.dumps(records(count), indent=indent))
    steps: list[int] = []
    found = read_results(tmp_path / 'r.json', ['bbox', 'segm'], steps.append)
    expected = detection_columns(records(count), ['bbox', 'segm'])
    for name in ('image_ids', 'category_ids', 'scores', 'boxes'):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), strict=True)
    assert [{**mask, 'counts': mask['counts'].decode()} for mask in found.masks] == expected.masks
    assert sum(steps) == (tmp_path / 'r.json').stat().st_size
    assert len(steps) > count / 2000
    assert result_fields(tmp_path / 'r.json') == (frozenset(records(1)[0]) if count else frozenset())


def test_image_ids_may_be_written_as_whole_floats(tmp_path):
    as_floats = [{**record, 'image_id': float(record['image_id'])} for record in records(3)]
    (tmp_path / 'r.json').write_text(json.dumps(as_floats))
    found, expected = read_results(tmp_path / 'r.json'), detection_columns(records(3))
    np.testing.assert_array_equal(found.image_ids, expected.image_ids, strict=True)


GOOD = json.dumps(records(3))


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (GOOD[:-9], r'r\.json is not valid json \(.* at byte \d+\); was it cut short while being copied\?'),
        (GOOD + GOOD, r'r\.json is not valid json \(Extra data at byte \d+\)'),
        ('', r'r\.json is not valid json'),
        (pickle.dumps(records(3)), r'r\.json is not valid json'),
        ('{"bbox": [1]}', r'r\.json cannot be used: it holds a dict; expected a list of result records'),
        ('7', r'r\.json cannot be used: it holds a int; expected a list of result records'),
        (json.dumps([*records(3000), {'image_id': 1}]), r"r\.json .* result record 3000 has no 'category_id'"),
        (
            json.dumps([{**records(1)[0], 'image_id': 87470.5}]),
            r'r\.json cannot be used: result record 0: image_id is 87470\.5; expected a whole number',
        ),
        (b'[{"image_id": "\xff\xfe"}]', r'r\.json is not valid json .*; is it a pickle, or an archive\?'),
    ],
)
def test_something_else_is_one_line(tmp_path, content, message):
    path = tmp_path / 'r.json'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message) as caught:
        read_results(path, ['bbox', 'segm'])
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('content', ['', '{"bbox": 1}', '[[1]]', '[oops', '[]'])
def test_what_has_no_first_record_has_no_fields(tmp_path, content):
    (tmp_path / 'r.json').write_text(content)
    assert result_fields(tmp_path / 'r.json') == frozenset()


@pytest.mark.parametrize('piece', [1, 7, 300])
def test_a_piece_ends_with_a_record_whatever_looks_like_one(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(results_json, '_PIECE', piece)
    odd = {'note': 'a }, { and a \\" and \u00e9', 'parts': [{'a': 1}, {'b': [{}, {}]}], 'image': {'id': 1}}
    given = [{**odd, **record, 'more': [{}, {}]} for record in records(20)]
    (tmp_path / 'r.json').write_text(json.dumps(given, ensure_ascii=False), encoding='utf-8')
    found, expected = read_results(tmp_path / 'r.json'), detection_columns(given)
    np.testing.assert_array_equal(found.boxes, expected.boxes, strict=True)
    assert result_fields(tmp_path / 'r.json') == frozenset(given[0])
    given[17]['score'] = None
    (tmp_path / 'r.json').write_text(json.dumps(given, ensure_ascii=False), encoding='utf-8')
    with pytest.raises(ValueError, match=r'result record 17: score is None; expected a finite number'):
        read_results(tmp_path / 'r.json')


@pytest.mark.parametrize('piece', [9, 300, 2**18])
def test_the_byte_of_a_fault_is_that_of_the_file(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(results_json, '_PIECE', piece)
    text = '\n ' + json.dumps(records(20), indent=1)
    place = text.rindex('"category_id"')
    path = tmp_path / 'r.json'
    path.write_text(text[:place] + 'oops' + text[place:])
    with pytest.raises(ValueError, match=rf'not valid json \(Expecting property name .* at byte {place}\)'):
        read_results(path)
    path.write_bytes(b'\xef\xbb\xbf' + text.encode())
    assert len(read_results(path)) == 20


@pytest.mark.parametrize('value', ['NaN', '-Infinity', '1e999'])
def test_what_is_no_number_is_named_by_its_record(tmp_path, value):
    text = json.dumps([{**record, 'score': 'here' if number == 7 else 0.5} for number, record in enumerate(records(9))])
    (tmp_path / 'r.json').write_text(text.replace('"here"', value))
    with pytest.raises(ValueError, match=r'result record 7: score is (nan|-?inf); expected a finite number'):
        read_results(tmp_path / 'r.json')


@pytest.mark.parametrize('read', [read_results, result_fields])
def test_a_missing_file_is_named(read):
    with pytest.raises(FileNotFoundError, match=r'results file not found: none\.json'):
        read('none.json')
