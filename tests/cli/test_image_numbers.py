"""Ids of a results json: those of the dataset, and new ones for everything else."""

from __future__ import annotations

import json

import pytest

from longtail_det.cli.image_numbers import read_numbers
from longtail_det.reports import DataSource


@pytest.fixture
def data(tmp_path) -> DataSource:
    names = ('a', 'b')
    for name in names:
        (tmp_path / f'{name}.jpg').touch()
    images = [{'id': 10 * i + 5, 'height': 9, 'width': 9, 'file_name': f'{name}.jpg'} for i, name in enumerate(names)]
    categories = [{'id': 7, 'name': 'gnu'}, {'id': 3, 'name': 'ant'}]
    ann = {'images': images, 'annotations': [], 'categories': categories}
    (tmp_path / 'gt.json').write_text(json.dumps(ann))
    return DataSource(str(tmp_path / 'gt.json'), None, str(tmp_path))


def test_ids_are_those_of_the_dataset_by_name_and_by_path(data, tmp_path):
    numbers = read_numbers(data, ['gnu', 'ant'])
    (tmp_path / 'link.jpg').symlink_to(tmp_path / 'b.jpg')
    assert list(numbers.category_ids) == [7, 3]
    assert [numbers.of_image(tmp_path / name) for name in ('b.jpg', 'a.jpg', 'link.jpg')] == [15, 5, 15]


def test_other_images_and_frames_get_ids_that_no_image_of_the_dataset_has(data, tmp_path):
    numbers = read_numbers(data, ['ant'])
    new = [numbers.of_image(tmp_path / 'own' / 'a.jpg'), numbers.of_image(tmp_path / 'a.jpg', is_frame=True)]
    assert new == [16, 17]
    assert numbers.of_image(tmp_path / 'a.jpg') == 5


@pytest.mark.parametrize('case', ['no test set', 'no file', 'other classes'])
def test_without_a_dataset_everything_is_counted_from_1(data, tmp_path, case):
    source = {'no test set': None, 'no file': DataSource('none.json', None), 'other classes': data}[case]
    numbers = read_numbers(source, ['gnu', 'elk'])
    assert list(numbers.category_ids) == [1, 2]
    assert [numbers.of_image(tmp_path / name) for name in ('b.jpg', 'a.jpg')] == [1, 2]
    assert 'counted from 1' in numbers.source
