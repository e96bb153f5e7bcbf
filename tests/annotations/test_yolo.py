"""A folder of YOLO labels gives what the COCO file of the same data gives."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from longtail_det.annotations import NOMINAL_SIDE, BadRecords, count_file, read_annotation_file

from ..annotation_files import make_records


@pytest.fixture
def coco() -> dict:
    """A COCO file of images of one size, which the labels do not tell."""
    records = make_records('coco')
    for image in records['images']:
        image |= {'height': NOMINAL_SIDE, 'width': NOMINAL_SIDE}
    for annotation in records['annotations']:
        annotation['bbox'] = [400 * value for value in annotation['bbox']]
        annotation['area'] = annotation['bbox'][2] * annotation['bbox'][3]
    return records


def as_yolo(records: dict, folder: Path, *, polygons: bool = False) -> Path:
    """Write the label files of a COCO file, and its class names."""
    ids = sorted(category['id'] for category in records['categories'])
    names = {category['id']: category['name'] for category in records['categories']}
    labels = folder / 'labels'
    labels.mkdir(parents=True)
    for image in records['images']:
        lines = []
        for annotation in records['annotations']:
            if annotation['image_id'] == image['id']:
                x, y, w, h = (float(value) / NOMINAL_SIDE for value in annotation['bbox'])
                points = (x, y, x + w, y, x + w, y + h, x, y + h) if polygons else (x + w / 2, y + h / 2, w, h)
                lines.append(' '.join(map(repr, (ids.index(annotation['category_id']), *points))))
        (labels / image['file_name']).with_suffix('.txt').write_text('\n'.join([*lines, '']))
    (folder / 'classes.txt').write_text('\n'.join(names[each] for each in ids))
    return folder


def read(path):
    bad = BadRecords(str(path))
    return read_annotation_file(path, bad, masks=False), bad


@pytest.mark.parametrize('polygons', [False, True])
def test_the_counts_are_those_of_the_coco_file(polygons, coco, tmp_path):
    (tmp_path / 'train.json').write_text(json.dumps(coco))
    expected, _ = read(tmp_path / 'train.json')
    found, bad = read(as_yolo(coco, tmp_path / 'yolo', polygons=polygons))
    assert not bad.counts
    ours, theirs = count_file(found).to_dict(), count_file(expected).to_dict()
    np.testing.assert_allclose(ours.pop('fractal_dim'), theirs.pop('fractal_dim'), rtol=1e-9)
    assert ours == theirs

    def rows(file):
        classes = np.searchsorted(file.category_ids, file.annotations.category_ids)
        return sorted(np.c_[classes, file.annotations.boxes.round(6)].tolist())

    np.testing.assert_allclose(rows(found), rows(expected), atol=1e-5)


def write_labels(folder: Path, text: str) -> Path:
    (folder / 'labels' / 'train').mkdir(parents=True)
    (folder / 'labels' / 'train' / 'a.txt').write_text(text)
    return folder


@pytest.mark.parametrize(
    ('line', 'fault'),
    [
        ('0 0.5 0.5 0.2', '4 numbers, expected class x y width height'),
        ('0 0.5 0.5 0.2 0.2 0.9', '6 numbers'),
        ('0 0.5 0.5 0.2 1.2', r"'0.5 0.5 0.2 1.2' are not in \[0, 1\]"),
        ('0 nan 0.5 0.2 0.2', r'not in \[0, 1\]'),
        ('3 0.5 0.5 0.2 0.2', 'class 3 is none of the 3 names'),
        ('0.5 0.5 0.5 0.2 0.2', "class '0.5' is no class number"),
        ('-1 0.5 0.5 0.2 0.2', "class '-1' is no class number"),
        ('cat 0.5 0.5 0.2 0.2', 'are not numbers'),
    ],
)
def test_a_bad_line_is_named_and_left_out(line, fault, tmp_path):
    folder = write_labels(tmp_path, f'2 0.5 0.5 0.2 0.2\n\n{line}\n')
    (tmp_path / 'classes.txt').write_text('cat\ndog\neel\n')
    file, bad = read(folder)
    assert file.annotations.category_ids.tolist() == [2]
    assert bad.counts == {'malformed lines': 1}
    with pytest.raises(ValueError, match=rf'train/a\.txt:3: .*{fault}'):
        bad.refuse()


def test_without_names_the_classes_are_the_numbers_that_occur(tmp_path):
    folder = write_labels(tmp_path, '70 0.5 0.5 0.2 0.2\n5 0.5 0.5 0.2 0.2\n')
    (tmp_path / 'labels' / 'train' / 'empty.txt').touch()
    file, _ = read(folder / 'labels' / 'train')
    assert [category['name'] for category in file.categories] == ['5', '70']
    assert file.images.names.tolist() == ['a.txt', 'empty.txt']


@pytest.mark.parametrize('names', ['[cat, dog]', '{0: cat, 1: dog}', '\n  1: dog\n  0: cat', '\n- cat\n- dog'])
def test_names_of_data_yaml(names, tmp_path):
    pytest.importorskip('yaml', reason='PyYAML, which only data.yaml needs')
    folder = write_labels(tmp_path, '0 0.5 0.5 0.2 0.2\n')
    (tmp_path / 'data.yaml').write_text(f'path: .\nnames: {names}\n')
    (tmp_path / 'classes.txt').write_text('not\nthese')
    for part in (folder, folder / 'labels', folder / 'labels' / 'train'):
        assert [category['name'] for category in read(part)[0].categories] == ['cat', 'dog']


@pytest.mark.parametrize('text', ['nc: 3', 'names: 3', 'names: {0: a, 2: b}', 'names: []', 'names: [a', '[]'])
def test_a_data_yaml_without_names_is_one_line(text, tmp_path):
    pytest.importorskip('yaml', reason='PyYAML, which only data.yaml needs')
    folder = write_labels(tmp_path, '0 0.5 0.5 0.2 0.2\n')
    (tmp_path / 'data.yaml').write_text(text)
    with pytest.raises(ValueError, match=r'data\.yaml (has names: .*expected class names|is no YAML)') as caught:
        read(folder)
    assert '\n' not in str(caught.value)


def test_where_yaml_cannot_be_read_classes_txt_is_advised(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'yaml', None)
    folder = write_labels(tmp_path, '0 0.5 0.5 0.2 0.2\n')
    (tmp_path / 'data.yaml').write_text('names: [cat]')
    with pytest.raises(ValueError, match=r'pip install pyyaml, or write the class names to classes\.txt'):
        read(folder)


def test_the_labels_of_two_splits_are_not_mixed(tmp_path):
    folder = write_labels(tmp_path, '0 0.5 0.5 0.2 0.2\n')
    (folder / 'labels' / 'val').mkdir()
    with pytest.raises(ValueError, match=r'holds several splits \(train, val\); give the folder of one'):
        read(folder)


def test_a_folder_without_labels_is_named(tmp_path):
    (tmp_path / 'classes.txt').write_text('cat')
    with pytest.raises(ValueError, match='holds no YOLO label file'):
        read(tmp_path)


def test_a_label_file_that_is_no_text_is_left_out(tmp_path):
    folder = write_labels(tmp_path, '0 0.5 0.5 0.2 0.2\n')
    (folder / 'labels' / 'train' / 'b.txt').write_bytes(b'\xff\xfe\x00')
    file, bad = read(folder)
    assert len(file.images) == 1
    assert bad.counts == {'label files that are no text': 1}
