from __future__ import annotations

import json
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.datasets.annotations.json_stream import JsonStream

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def read(text):
    stream = JsonStream(text)
    return {key: list(stream.items()) if stream.at('[') else stream.value() for key in stream.members()}


@given(st.dictionaries(st.text(max_size=4), values, max_size=4), st.sampled_from([None, 0, 2]), st.booleans())
def test_it_reads_what_the_json_module_reads(data, indent, ascii_only):
    assert read(' \n' + json.dumps(data, indent=indent, ensure_ascii=ascii_only) + '\n') == data


@given(st.dictionaries(st.text(max_size=4), values, min_size=1, max_size=4))
def test_skipping_ends_where_reading_ends(data):
    stream = JsonStream(json.dumps(data))
    for _ in stream.members():
        stream.skip()
    assert stream.pos == len(stream.text)


TEXT = json.dumps({'images': [{'id': 1, 'name': 'a"b'}, {'id': 2}], 'info': {'year': 2019}, 'empty': []})


@pytest.mark.parametrize('length', range(len(TEXT)))
def test_a_text_cut_anywhere_is_an_error_at_a_place_in_it(length):
    with pytest.raises(json.JSONDecodeError) as caught:
        read(TEXT[:length])
    assert caught.value.pos <= length


@pytest.mark.parametrize('text', ['{"a": [1,]}', '{"a": [1 2]}', '{"a": 1,}', '{"a" 1}', '{1: 2}', '{"a": [1}', '[1]'])
def test_what_is_no_json_is_an_error(text):
    with pytest.raises(json.JSONDecodeError):
        read(text)


def test_arrays_come_one_element_at_a_time():
    stream = JsonStream('{"a": [1, 2, oops')
    items = chain.from_iterable(stream.items() for _ in stream.members())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(json.JSONDecodeError, match='Expecting value'):
        next(items)
