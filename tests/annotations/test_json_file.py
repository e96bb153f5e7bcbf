from __future__ import annotations

import io
import json
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail_det.annotations.json_file import JsonFile

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def walk(text: bytes, chunk: int) -> dict[str, Any]:
    stream = JsonFile(io.BytesIO(text), chunk)
    return {key: list(stream.items()) if stream.at('[') else stream.value() for key in stream.members()}


@settings(max_examples=50)
@given(
    document=st.dictionaries(st.text(), VALUES, max_size=4),
    chunk=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_it_reads_what_json_reads_in_pieces_of_any_size(document, chunk, indent, ascii_only):
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode('utf-8', 'surrogatepass')
    assert walk(text, chunk) == json.loads(text)


def test_a_byte_order_mark_is_passed_over():
    assert walk('\ufeff{"a": ["é", 1]}'.encode(), 3) == {'a': ['é', 1]}


@given(chunk=st.integers(1, 30))
def test_spans_lead_back_to_the_bytes(chunk):
    records = [{'name': 'é', 'n': 1}, 12345, [1, 2], 'x']
    text = json.dumps({'first': 0, 'records': records}, ensure_ascii=False).encode()
    stream = JsonFile(io.BytesIO(text), chunk)
    for key in stream.members():
        if key == 'first':
            stream.skip()
            continue
        spans = [stream.span for _ in stream.items()]
    assert [json.loads(text[start:stop]) for start, stop in spans] == records


@given(document=st.dictionaries(st.text(max_size=4), VALUES, min_size=1, max_size=4), chunk=st.integers(1, 40))
def test_skipping_ends_where_reading_ends(document, chunk):
    text = json.dumps(document).encode()
    stream = JsonFile(io.BytesIO(text + b' \n'), chunk)
    for _ in stream.members():
        stream.skip()
    assert stream.position == len(text)
    assert stream.at_end()


def test_a_value_of_many_chunks_is_looked_at_a_few_times():
    calls = 0

    class Counted(io.BytesIO):
        def read(self, size=-1):
            nonlocal calls
            calls += 1
            return super().read(size)

    text = json.dumps({'a': 'x' * 10_000}).encode()
    stream = JsonFile(Counted(text), 10)
    assert [stream.value() for _ in stream.members()] == ['x' * 10_000]
    assert calls < 20


TEXT = json.dumps({'images': [{'id': 1, 'name': 'a"b'}, {'id': 2}], 'info': {'year': 2019}, 'empty': []}).encode()


@pytest.mark.parametrize('chunk', [1, 7, 1000])
def test_a_file_cut_anywhere_is_an_error_at_a_place_in_it(chunk):
    wrong = {}
    for length in range(len(TEXT)):
        try:
            wrong[length] = walk(TEXT[:length], chunk)
        except json.JSONDecodeError as error:
            if error.pos > length:
                wrong[length] = error
    assert not wrong


def test_an_error_tells_the_byte_where_it_is():
    with pytest.raises(json.JSONDecodeError) as caught:
        walk(b'{"first": "one", "second": oops}', 4)
    assert caught.value.pos == 27


@pytest.mark.parametrize(
    'text',
    [
        '{"a": [1,]}',
        '{"a": [1 2]}',
        '{"a": 1,}',
        '{"a" 1}',
        '{1: 2}',
        '{"a": [1}',
        '[1]',
        '{"a": }',
        '{a: 1}',
        '{"a": 1',
    ],
)
@pytest.mark.parametrize('chunk', [1, 100])
def test_what_is_no_json_is_an_error(text, chunk):
    with pytest.raises(json.JSONDecodeError):
        walk(text.encode(), chunk)


def test_what_is_no_utf8_is_an_error():
    with pytest.raises(UnicodeDecodeError):
        walk(b'{"a": "\xff\xfe"}', 100)


def test_arrays_come_one_element_at_a_time():
    stream = JsonFile(io.BytesIO(b'{"a": [1, 2, oops'))
    items = chain.from_iterable(stream.items() for _ in stream.members())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(json.JSONDecodeError, match='Expecting value'):
        next(items)
