from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtail_det.annotations.json_members import JsonMembers, decode_plainly

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
KEYS = ('images', 'annotations')


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=st.dictionaries(st.sampled_from([*KEYS, 'info']), VALUES),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_records_are_those_of_the_json_infinity_and_nan_included(document, indent, ascii_only, tmp_path):
    path = tmp_path / 'file.json'
    path.write_text(json.dumps(document, indent=indent, ensure_ascii=ascii_only), encoding='utf-8')
    members = JsonMembers(path, 'file.json', KEYS)
    found = {key: [decode_plainly(record) for record in records] for key, records in members.arrays.items()}
    expected = {key: value for key, value in document.items() if key in KEYS and isinstance(value, list)}
    assert repr(found) == repr({key: expected[key] for key in KEYS if key in expected})  # as text: NaN is not NaN
    assert members.keys == document.keys() & set(KEYS)


TEXT = json.dumps({'images': [{'id': 1, 'name': 'a"b'}, {'id': 2}], 'info': {'year': 2019}, 'empty': []}).encode()


def test_a_file_cut_anywhere_is_one_line(tmp_path):
    path = tmp_path / 'file.json'
    for length in range(1, len(TEXT)):
        path.write_bytes(TEXT[:length])
        with pytest.raises(ValueError, match=rf'file\.json is not valid json: .*, of {length} bytes; was it cut'):
            JsonMembers(path, 'file.json', KEYS)


@pytest.mark.parametrize(
    'text', ['{"a": [1,]}', '{"a": [1 2]}', '{"a": 1,}', '{"a" 1}', '{1: 2}', '{"a": [1}', '{"a": }', '{a: 1}', '{} x']
)
def test_what_is_no_json_is_an_error_that_names_the_byte(text, tmp_path):
    path = tmp_path / 'file.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=r'is not valid json: JSON is malformed: .* \(byte \d+\)'):
        JsonMembers(path, 'file.json', KEYS)


def test_pages_that_are_given_back_are_mapped_again(tmp_path):
    path = tmp_path / 'file.json'
    path.write_text(json.dumps({'images': [{'id': n} for n in range(5000)]}))
    members = JsonMembers(path, 'file.json', KEYS)
    members.release()
    assert [decode_plainly(record)['id'] for record in members.arrays['images']] == list(range(5000))
