from __future__ import annotations

import json

import pytest

from longtail_det.annotations import read_group_flags

from ..annotation_files import good_records


@pytest.mark.parametrize('key', ['is_group_of', 'IsGroupOf'])
@pytest.mark.parametrize('yes', [1, True, '1', 1.0])
def test_the_marked_annotations_are_found(key, yes, tmp_path):
    records = good_records()
    for annotation, value in zip(records['annotations'], (yes, 0, None, False), strict=False):
        annotation[key] = value
    records['annotations'] += [None, {'id': 'x', key: 1}, [1]]
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(records))
    assert read_group_flags(path, 'train.json').tolist() == [records['annotations'][0]['id']]


def test_a_file_without_the_mark_and_a_folder_have_none(tmp_path):
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(good_records()))
    assert not len(read_group_flags(path, 'train.json'))
    assert not len(read_group_flags(tmp_path, 'labels'))
