from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from longtail_det.statistics import frequency_group
from longtail_det.synthetic import GlyphsConfig, make, make_glyphs
from longtail_det.synthetic.plan import class_frequency

SMALL = GlyphsConfig(num_classes=5, num_train=60, num_val=10, image_size=64, head_share=0.4, val_instances=6)
HOST = 'http://images.cocodataset.org/'
SPLITS = ('train', 'val')


def digests(out: Path) -> dict[str, str]:
    files = (path for path in out.rglob('*') if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def pairs(data: dict[str, Any]) -> set[tuple[int, int]]:
    return {(a['image_id'], a['category_id']) for a in data['annotations']}


# what is in the files


#: OpenCV 5 simplifies one contour in fifty in another way
TRAIN_DIGESTS = {
    '4': 'cb13cfa24fe0cb05fb6ab1647ca4faff5016d873acdf8f0a5b86152808316caa',
    '5': '8c1c08bb8f08075dcebd4e8bab995fcee498cdfc15fabb4e913071f8ac2913cf',
}


def test_the_annotations_are_the_same_bytes_everywhere(tiny_dir):
    # not the images: their bytes depend on the JPEG encoder too
    found = {split: digests(tiny_dir)[f'annotations/glyphs_{split}.json'] for split in SPLITS}
    assert found == {
        'train': TRAIN_DIGESTS[cv2.__version__[0]],
        'val': '9dff31fff22c3f2e5819189625f2cea8464b787c23fcc65e5d6f47e99b06d79e',
    }


@pytest.mark.parametrize('split', SPLITS)
def test_every_url_leads_to_its_image(tiny_dir, read_split, split):
    images = read_split(split)['images']
    for record in images:
        image = cv2.imread(str(tiny_dir / record['coco_url'].removeprefix(HOST)))
        assert image.shape == (record['height'], record['width'], 3)
    on_disk = list((tiny_dir / f'{split}2017').iterdir())
    assert len({record['coco_url'] for record in images}) == len(images) == len(on_disk)


def test_ids_are_unique_and_image_ids_even_over_both_splits(read_split):
    train, val = read_split('train'), read_split('val')
    image_ids = [record['id'] for record in train['images'] + val['images']]
    assert len(set(image_ids)) == len(image_ids)
    for data in (train, val):
        ids = [record['id'] for record in data['annotations']]
        assert ids == list(range(1, len(ids) + 1))
        assert [c['id'] for c in data['categories']] == list(range(1, 13))
        assert {a['image_id'] for a in data['annotations']} <= {record['id'] for record in data['images']}


def test_categories_carry_the_counts_of_the_training_set_in_both_files(read_split):
    train, val = read_split('train'), read_split('val')
    assert train['categories'] == val['categories']
    assert set(train['categories'][0]) == {
        'id', 'name', 'synset', 'synonyms', 'def', 'image_count', 'instance_count', 'frequency'
    }  # fmt: skip
    instances = Counter(annotation['category_id'] for annotation in train['annotations'])
    pairs = {(annotation['image_id'], annotation['category_id']) for annotation in train['annotations']}
    images = Counter(category_id for _, category_id in pairs)
    for category in train['categories']:
        assert category['image_count'] == images[category['id']]
        assert category['instance_count'] == instances[category['id']]
        assert category['frequency'] == frequency_group([category['image_count']])[0]
    assert {category['frequency'] for category in train['categories']} == {'r', 'c', 'f'}


def test_validation_is_balanced(read_split):
    val = read_split('val')
    assert list(Counter(annotation['category_id'] for annotation in val['annotations']).values()) == [10] * 12


@pytest.mark.parametrize('split', SPLITS)
def test_area_and_box_are_those_of_the_polygons(read_split, split):
    data = read_split(split)
    for record in data['annotations']:
        assert all(len(polygon) >= 6 for polygon in record['segmentation'])
        mask = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(record['segmentation'], 128, 128)))
        assert record['area'] == mask.sum() > 0
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert record['bbox'] == box


@pytest.mark.parametrize('split', SPLITS)
def test_masks_of_an_image_do_not_overlap(read_split, split):
    data = read_split(split)
    taken = {record['id']: np.zeros((128, 128), dtype=int) for record in data['images']}
    for record in data['annotations']:
        mask = coco_mask.merge(coco_mask.frPyObjects(record['segmentation'], 128, 128))
        taken[record['image_id']] += coco_mask.decode(mask)
    assert max(image.max() for image in taken.values()) == 1


@pytest.mark.parametrize('split', SPLITS)
def test_federated_fields_are_true(read_split, tiny_config, split):
    data = read_split(split)
    present = pairs(data)
    negatives = [(record['id'], c) for record in data['images'] for c in record['neg_category_ids']]
    doubtful = [(record['id'], c) for record in data['images'] for c in record['not_exhaustive_category_ids']]
    assert len(set(negatives)) == len(negatives)
    assert not present & set(negatives), 'a negative class is absent'
    assert set(doubtful) <= present
    assert len(doubtful) < 0.1 * len(present)
    absent = len(data['images']) * tiny_config.num_classes - len(present)
    assert len(negatives) == pytest.approx(tiny_config.negative_share * absent, rel=0.1)
    assert {c for _, c in negatives} == set(range(1, 13)), 'false positives count for every class'


def test_the_lvis_api_reads_it(tiny_dir):
    lvis = pytest.importorskip('lvis')
    api = lvis.LVIS(str(tiny_dir / 'annotations' / 'glyphs_val.json'))
    assert len(api.get_ann_ids()) == 120
    assert api.ann_to_mask(api.load_anns([1])[0]).sum() == api.load_anns([1])[0]['area']


# determinism


@pytest.fixture(scope='module')
def small_digests(tmp_path_factory) -> dict[str, str]:
    out = tmp_path_factory.mktemp('once') / 'glyphs'
    make_glyphs(out, SMALL, progress=False)
    return digests(out)


@pytest.mark.parametrize('workers', [1, 2])
def test_the_same_settings_give_the_same_bytes(tmp_path, small_digests, workers):
    make_glyphs(tmp_path / 'elsewhere', SMALL, progress=False, workers=workers)
    assert digests(tmp_path / 'elsewhere') == small_digests


def test_another_seed_gives_other_images(tmp_path, small_digests):
    make_glyphs(tmp_path, replace(SMALL, seed=1), progress=False)
    other = digests(tmp_path)
    assert other.keys() == small_digests.keys()
    assert not set(other.values()) & set(small_digests.values())


def test_no_two_images_are_alike(small_digests):
    assert len(set(small_digests.values())) == len(small_digests)


# the folder


def test_a_finished_set_is_kept(tmp_path):
    assert not make_glyphs(tmp_path, SMALL, progress=False).reused
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')}
    summary = make_glyphs(tmp_path, SMALL, progress=False)
    assert summary.reused
    assert summary.num_images == {'train': 60, 'val': 10}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')} == before


def test_other_settings_are_refused_and_overwrite_replaces(tmp_path, small_digests):
    make_glyphs(tmp_path, replace(SMALL, num_train=70, seed=3), progress=False)
    with pytest.raises(FileExistsError, match=r'num_train 70 -> 60, seed 3 -> 0.*--overwrite'):
        make_glyphs(tmp_path, SMALL, progress=False)
    make_glyphs(tmp_path, SMALL, overwrite=True, progress=False)
    assert digests(tmp_path) == small_digests


def test_another_divisor_is_another_set(tmp_path):
    config = replace(SMALL, count_divisor=2)
    make_glyphs(tmp_path, config, progress=False)
    assert make_glyphs(tmp_path, config, progress=False).reused
    with pytest.raises(FileExistsError, match='count_divisor 2 -> 1'):
        make_glyphs(tmp_path, SMALL, progress=False)
    categories = json.loads((tmp_path / 'annotations' / 'glyphs_val.json').read_text())['categories']
    assert [c['frequency'] for c in categories] == list(class_frequency(config))
    assert 'f' not in frequency_group([c['image_count'] for c in categories])


@pytest.mark.parametrize('overwrite', [False, True])
def test_a_folder_of_other_origin_is_never_touched(tmp_path, overwrite):
    (tmp_path / 'train2017').mkdir()
    (tmp_path / 'train2017' / 'holiday.jpg').write_text('mine')
    with pytest.raises(FileExistsError, match='holds no LongTailGlyphs dataset; choose an empty or a new folder'):
        make_glyphs(tmp_path, SMALL, overwrite=overwrite, progress=False)
    assert digests(tmp_path).keys() == {'train2017/holiday.jpg'}


def test_an_interrupted_set_is_made_anew_with_any_settings(tmp_path, small_digests, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(make, 'category_records', lambda *args: [])
        patch.setattr(make, 'annotation_record', stop)
        with pytest.raises(KeyboardInterrupt):
            make_glyphs(tmp_path, replace(SMALL, num_train=80), progress=False)
    assert not list((tmp_path / 'annotations').glob('*.json')), 'no half-written annotation file'
    make_glyphs(tmp_path, SMALL, progress=False)
    assert digests(tmp_path) == small_digests


@pytest.mark.parametrize(
    'damage',
    [
        lambda out: shutil.rmtree(out / 'val2017'),
        lambda out: (out / 'annotations' / 'glyphs_train.json').unlink(),
        lambda out: next((out / 'train2017').iterdir()).unlink(),
    ],
)
def test_a_set_with_files_missing_is_not_taken_for_finished(tmp_path, small_digests, damage):
    make_glyphs(tmp_path, SMALL, progress=False)
    damage(tmp_path)
    with pytest.raises(FileExistsError, match='files missing'):
        make_glyphs(tmp_path, SMALL, progress=False)
    make_glyphs(tmp_path, SMALL, overwrite=True, progress=False)
    assert digests(tmp_path) == small_digests


def test_a_broken_stamp_counts_as_interrupted(tmp_path, small_digests):
    (tmp_path / 'longtail_glyphs.json').write_text('{"complete": tr')
    make_glyphs(tmp_path, SMALL, progress=False)
    assert digests(tmp_path) == small_digests


def test_contradicting_settings_leave_no_trace(tmp_path):
    with pytest.raises(ValueError, match='num_val is 1'):
        make_glyphs(tmp_path / 'new', replace(SMALL, num_val=1), progress=False)
    assert not (tmp_path / 'new').exists()


def test_the_annotation_file_names_its_settings(tiny_config, read_split):
    assert GlyphsConfig(**read_split('val')['info']['config']) == tiny_config
    assert json.dumps(read_split('val')).isascii()
