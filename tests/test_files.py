"""A file is whole or as it was before."""

from __future__ import annotations

import json

import pytest

from longtail_det.files import replacing


def test_a_finished_file_takes_its_place(tmp_path):
    path = tmp_path / 'deep' / 'file.txt'
    for text in ('first', 'second'):
        with replacing(path) as unfinished:
            unfinished.write_text(text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_fails_halfway_leaves_the_old_one(tmp_path):
    path = tmp_path / 'file.txt'
    path.write_text('old')
    with pytest.raises(TypeError), replacing(path) as unfinished:
        json.dump({'half': object()}, unfinished.open('w'))
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]
