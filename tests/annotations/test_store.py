"""The store of an annotation file: the same columns in every process, and never those of another file."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import fields

import numpy as np
import pytest

from longtail_det.annotations import check_store, open_store, read_columns
from longtail_det.annotations.store import store_folders
from longtail_det.annotations.store_files import StoreError

from ..annotation_files import CATEGORY_IDS, annotation, compressed_rle, image, make_records, uncompressed_rle

BOX = (10, 5, 30, 20)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.fixture
def records():
    """Every kind of mask, and bad records of several kinds."""
    records = make_records()
    first = records['images'][0]['id']
    masks = [compressed_rle(*BOX), uncompressed_rle(*BOX), None, [[1, 1, 5, 5]], [[1, 1, 9, 1, 9, 9], [1]], 'text']
    more = [annotation(n, first, CATEGORY_IDS[0], BOX, segmentation=mask) for n, mask in enumerate(masks)]
    records['annotations'] += [*more, annotation(50, 9999, 2, BOX), {'id': 51}]
    records['images'] += [{'id': 7, 'height': 5, 'width': 5}, image(first), image(8, neg_category_ids=['x'])]
    return records


@pytest.fixture
def path(tmp_path, records):
    path = tmp_path / 'data' / 'train.json'
    path.parent.mkdir()
    path.write_text(json.dumps(records))
    return path


def assert_same(found, expected):
    for table in ('images', 'annotations', 'masks', 'class_lists'):
        ours, theirs = getattr(found, table), getattr(expected, table)
        for field in fields(theirs):
            np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name))
    np.testing.assert_array_equal(found.good_images, expected.good_images)
    np.testing.assert_array_equal(found.good_annotations, expected.good_annotations)
    assert found.categories == expected.categories
    assert (list(found.bad.counts.items()), found.bad.examples) == (
        list(expected.bad.counts.items()),
        expected.bad.examples,
    )
    assert found.has_annotations == expected.has_annotations


def test_a_store_holds_what_the_file_holds(path):
    expected = read_columns(path, str(path))
    assert len(expected.bad.counts) >= 5
    assert_same(open_store(path), expected)  # builds
    again = open_store(path)
    assert again.folder == store_folders(path)[0]
    assert_same(again, expected)
    assert check_store(path) == (again.folder, '')


def test_nothing_is_built_twice_or_read_from_the_json(path, monkeypatch):
    open_store(path)
    monkeypatch.setattr('longtail_det.annotations.store.read_columns', None)
    open_store(path)


def test_its_columns_are_plain_arrays_of_a_file(path):
    folder = open_store(path).folder
    for file in folder.glob('*.npy'):
        np.load(file, allow_pickle=False)
    assert open_store(path).annotations.boxes.flags.writeable is False


def test_copies_share_it_and_pickles_lead_to_it(path):
    columns = open_store(path)
    assert copy.deepcopy({'columns': columns})['columns'] is columns
    text = pickle.dumps(columns)
    assert len(text) < 10_000
    assert_same(pickle.loads(text), columns)
    path.write_text(json.dumps(make_records(seed=1)))
    open_store(path)
    with pytest.raises(StoreError, match=r'was built anew from another .* start again'):
        pickle.loads(text)


@pytest.mark.parametrize('column', ['masks.coordinates', 'annotations.boxes', 'images.names', 'good_annotations'])
@pytest.mark.parametrize('position', [0, -1])
def test_one_flipped_byte_is_refused_and_rebuilt(path, column, position, caplog):
    file = open_store(path).folder / f'{column}.npy'
    data = bytearray(file.read_bytes())
    data[position] ^= 1
    file.write_bytes(data)
    assert check_store(path)[1] == f'{column}.npy is damaged'
    assert_same(open_store(path), read_columns(path, str(path)))
    assert f'is built anew: {column}.npy is damaged' in caplog.text
    assert check_store(path)[1] == ''


@pytest.mark.parametrize(
    'damage',
    [
        lambda folder: (folder / 'annotations.ids.npy').unlink(),
        lambda folder: os.truncate(folder / 'masks.coordinates.npy', 200),
        lambda folder: (folder / 'header.json').write_text('{"format"'),
        lambda folder: (folder / 'header.json').write_text('{"format": 0}'),
    ],
    ids=['missing', 'cut', 'header', 'format'],
)
def test_what_cannot_be_read_is_rebuilt(path, damage):
    damage(open_store(path).folder)
    assert check_store(path)[1]
    assert_same(open_store(path), read_columns(path, str(path)))
    assert check_store(path)[1] == ''


def test_a_changed_file_is_read_again(path, caplog):
    before = open_store(path)
    path.write_text(path.read_text().replace('"name": "dog"', '"name": "cow"'))
    assert check_store(path)[1].endswith('was changed since')
    assert [c['name'] for c in open_store(path).categories] == ['cat', 'cow', 'tree', 'street_sign']
    assert 'is built anew: train.json was changed since' in caplog.text
    assert before.mask(0) == before.mask(0)  # whoever had it open keeps it


def test_a_file_of_a_new_time_and_old_content_is_not_read_again(path, monkeypatch):
    open_store(path)
    os.utime(path, ns=(1, 1))
    monkeypatch.setattr('longtail_det.annotations.store.read_columns', None)
    open_store(path)
    monkeypatch.setattr('longtail_det.annotations.store._sha256', None)
    open_store(path)


def test_a_data_folder_that_cannot_be_written_leads_to_the_cache(path, tmp_path, caplog):
    beside, in_cache = store_folders(path)
    (beside.parent / f'{beside.name}.lock').mkdir()  # root may write everywhere, but not there
    columns = open_store(path)
    assert columns.folder == in_cache
    assert in_cache.is_relative_to(tmp_path / 'cache' / 'longtail_det')
    assert f'no store of {path} at {beside}' in caplog.text
    assert_same(open_store(path), read_columns(path, str(path)))


def test_where_nothing_can_be_written_columns_stay_in_memory(path, tmp_path, caplog):
    for folder in store_folders(path):
        (folder.parent / f'{folder.name}.lock').mkdir(parents=True)
    columns = open_store(path)
    assert columns.folder is None
    assert 'keeps its annotations in memory' in caplog.text
    assert_same(columns, read_columns(path, str(path)))


def test_a_file_that_cannot_be_used_leaves_no_store(path):
    path.write_text('{"images": [')
    with pytest.raises(ValueError, match='is not valid json'):
        open_store(path)
    assert not any(folder.exists() for folder in store_folders(path))


def test_no_store_to_check_is_one_line(path):
    with pytest.raises(FileNotFoundError, match=r'no store of .*train\.json; make it with longtail-det build-store'):
        check_store(path)


SLOW_BUILD = """
import sys, time, logging
from pathlib import Path
import longtail_det.annotations.store_files as files
from longtail_det.annotations import open_store
logging.basicConfig(level=logging.INFO)
save, path = files.np.save, Path(sys.argv[1])
def slow(file, *args, **kwargs):
    path.with_suffix('.saving').touch()
    time.sleep(float(sys.argv[2]))
    save(file, *args, **kwargs)
files.np.save = slow
print(open_store(path).annotations.boxes.sum())
"""


def start(path, pause):
    command = [sys.executable, '-c', SLOW_BUILD, str(path), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_build_leaves_nothing_in_the_way_of_two_processes(path):
    killed = start(path, 60)
    deadline = time.monotonic() + 60
    while not path.with_suffix('.saving').exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert list(path.parent.glob('*.tmp'))
    outputs = [(child, *child.communicate()) for child in (start(path, 0.05), start(path, 0.05))]
    expected = read_columns(path, str(path)).annotations.boxes.sum()
    for child, out, err in outputs:
        assert child.returncode == 0, err
        assert float(out) == expected
    assert sum('its columns are kept in' in err for *_, err in outputs) == 1
    assert not list(path.parent.glob('*.tmp'))
    assert check_store(path)[1] == ''


@pytest.mark.slow
def test_others_wait_for_the_process_that_builds(path):
    first = start(path, 0.2)
    while not path.with_suffix('.saving').exists():
        assert first.poll() is None
        time.sleep(0.02)
    second = start(path, 0.2)
    errors = [child.communicate()[1] for child in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), errors
    assert errors[1].count('waiting for the process that builds the store') == 1
    assert 'kept in' not in errors[1]


def test_the_log_names_the_folder(path, caplog):
    with caplog.at_level(logging.INFO):
        folder = open_store(path).folder
    assert f'its columns are kept in {folder}' in caplog.text
