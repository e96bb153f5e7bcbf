from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail_det.evaluation.metrics.json_stream import JsonFile

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


@pytest.mark.parametrize('text', ['{"a": [1, 2', '{"a": [1 2]}', '{"a": }', '{a: 1}', '{"a": 1', '{"a" 1}'])
@pytest.mark.parametrize('chunk', [1, 100])
def test_what_is_no_json_is_an_error(text, chunk):
    with pytest.raises(json.JSONDecodeError):
        walk(text.encode(), chunk)
