"""The dataset reads what mmdet reads, knows its classes, and hands out copies."""

from __future__ import annotations

import pytest
from mmdet.datasets import CocoDataset, LVISV05Dataset, LVISV1Dataset
from mmdet.registry import DATASETS
from mmengine.dataset import ClassBalancedDataset
from torch.utils.data import DataLoader

from longtail_det.datasets import LVISDataset

from ..annotation_files import (
    CATEGORY_IDS,
    FILTERS,
    NAMES,
    all_info,
    annotation,
    box_polygon,
    image,
    make_records,
    with_oddities,
)

# ---- the same as mmdet


@pytest.mark.parametrize('filter_cfg', FILTERS)
@pytest.mark.parametrize('test_mode', [False, True])
@pytest.mark.parametrize(
    ('theirs', 'style', 'more'),
    [
        (LVISV1Dataset, 'v1', {}),
        (LVISV05Dataset, 'v0.5', {}),
        (CocoDataset, 'coco', {'metainfo': {'classes': NAMES}}),
        (CocoDataset, 'coco', {'metainfo': {'classes': NAMES[1:3]}}),
        (CocoDataset, 'coco', {'metainfo': {'classes': NAMES}, 'return_classes': True, 'caption_prompt': {'a': 'b'}}),
        (CocoDataset, 'coco', {'metainfo': {'classes': NAMES}, 'data_prefix': {'img': '', 'seg': 'stuff/'}}),
    ],
)
def test_it_reads_what_mmdet_reads(theirs, style, more, test_mode, filter_cfg, write, tmp_path):
    path = write(with_oddities(make_records(style)))
    options = {'data_prefix': {'img': ''}, 'data_root': str(tmp_path) + '/', **more}
    options |= {'ann_file': path, 'test_mode': test_mode, 'filter_cfg': filter_cfg}
    ours, expected = LVISDataset(**options), theirs(**options)
    assert all_info(ours) == all_info(expected)
    assert ours.cat2label == expected.cat2label
    assert [ours.get_cat_ids(i) for i in range(len(ours))] == [expected.get_cat_ids(i) for i in range(len(ours))]


def test_skipping_bad_boxes_leaves_what_mmdet_leaves(write, tmp_path):
    records = make_records('coco')
    records['annotations'].append(annotation(9, records['images'][0]['id'], 2, (90, 5, 10, 10)))
    options = {'ann_file': write(records), 'data_root': f'{tmp_path}/', 'data_prefix': {'img': ''}}
    expected = CocoDataset(metainfo={'classes': NAMES}, **options)
    assert all_info(LVISDataset(on_bad='skip', **options)) == all_info(expected)


def test_repeat_factors_of_mmengine_are_those_of_mmdet(write, tmp_path):
    options = {'ann_file': write(make_records(num_images=30)), 'data_root': f'{tmp_path}/', 'data_prefix': {'img': ''}}
    ours = ClassBalancedDataset(LVISDataset(**options), oversample_thr=0.5)
    assert ours.repeat_indices == ClassBalancedDataset(LVISV1Dataset(**options), oversample_thr=0.5).repeat_indices
    assert len(ours) > 30


def test_configs_get_this_class_by_name(write, tmp_path):
    config = {'type': 'mmdet.LVISDataset', 'ann_file': write(make_records()), 'data_prefix': {'img': str(tmp_path)}}
    assert type(DATASETS.build(config)) is LVISDataset


# ---- classes


def test_classes_are_the_categories_by_ascending_id(load):
    records = make_records()
    records['categories'].reverse()
    dataset = load(records)
    assert dataset.metainfo['classes'] == NAMES
    assert dataset.cat2label == {2: 0, 3: 1, 7: 2, 11: 3}
    assert [record['id'] for record in dataset.category_records] == list(CATEGORY_IDS)


def test_restricting_and_reordering_classes_renames_labels_and_nothing_else(load):
    whole = load(make_records())
    wanted = ['street_sign', 'cat', 'tree']
    part = load(make_records(), metainfo={'classes': wanted})
    assert part.metainfo['classes'] == tuple(wanted)
    for ours, full in zip(all_info(part), all_info(whole), strict=True):
        expected = [i | {'bbox_label': NAMES[i['bbox_label']]} for i in full['instances'] if i['bbox_label'] != 1]
        assert [i | {'bbox_label': wanted[i['bbox_label']]} for i in ours['instances']] == expected


def test_classes_can_be_a_text_file(load, tmp_path):
    (tmp_path / 'classes.txt').write_text('tree\ncat\n')
    assert load(make_records(), metainfo={'classes': str(tmp_path / 'classes.txt')}).metainfo['classes'] == (
        'tree',
        'cat',
    )


@pytest.mark.parametrize('metainfo', [None, {'classes': ['tree', 'dog']}])
def test_a_lazy_dataset_knows_its_classes(load, metainfo):
    lazy, eager = load(make_records(), metainfo=metainfo, lazy_init=True), load(make_records(), metainfo=metainfo)
    assert not lazy._fully_initialized
    assert lazy.metainfo == eager.metainfo
    assert lazy.class_statistics == eager.class_statistics  # reads the rest


def test_a_lazy_dataset_without_its_file_is_no_error(tmp_path):
    dataset = LVISDataset(ann_file=str(tmp_path / 'not_there.json'), lazy_init=True)
    assert 'classes' not in dataset.metainfo
    with pytest.raises(FileNotFoundError, match=r'not_there\.json'):
        dataset.full_init()


@pytest.mark.parametrize('lazy_init', [False, True])
def test_two_categories_of_one_name_are_refused(lazy_init, load):
    records = make_records()
    records['categories'][1]['name'] = 'cat'
    with pytest.raises(ValueError, match=r"categories 2 and 3 are both named 'cat'"):
        load(records, lazy_init=lazy_init)


def test_a_palette_that_is_given_stays(load):
    palette = [(1, 2, 3)] * 4
    assert load(make_records(), metainfo={'palette': palette}).metainfo['palette'] == palette


# ---- handing out


def test_serialized_or_not_is_the_same(load):
    records = with_oddities(make_records())
    assert all_info(load(records, serialize_data=False)) == all_info(load(records))


def test_data_loader_workers_hand_out_the_same(load):
    dataset = load(make_records())
    loader = DataLoader(dataset, batch_size=4, num_workers=2, collate_fn=list, multiprocessing_context='fork')
    assert [info for batch in loader for info in batch] == all_info(dataset)


def test_what_is_handed_out_may_be_changed(load):
    dataset = load(make_records(), serialize_data=False)
    before = all_info(dataset)
    changed = dataset.get_data_info(0)
    changed['instances'][0]['mask'][0][0] = -1
    changed['instances'][0]['bbox'][0] = -1
    assert all_info(dataset) == before


# ---- small files


def test_a_test_set_needs_no_annotations(load):
    records = {key: value for key, value in make_records().items() if key != 'annotations'}
    dataset = load(records, test_mode=True)
    assert all(info['instances'] == [] for info in all_info(dataset))
    assert len(dataset) == 9


def test_empty_images_survive_an_empty_file(load):
    records = {'images': [image(1), image(2)], 'annotations': [], 'categories': [{'id': 1, 'name': 'a'}]}
    dataset = load(records)
    assert [each.tolist() for each in dataset.labels_per_image] == [[], []]
    assert dataset.class_statistics.image_count.tolist() == [0]


def test_polygons_of_hand_made_floats_and_integers_come_back_as_they_are(load):
    polygons = [[1, 2, 30, 2.5, 7, 20.123456789012345], box_polygon(5, 5, 5, 5)]
    records = {'images': [image(1)], 'annotations': [], 'categories': [{'id': 1, 'name': 'a'}]}
    records['annotations'] = [annotation(1, 1, 1, (1, 2, 29, 18), segmentation=polygons)]
    assert load(records).get_data_info(0)['instances'][0]['mask'] == polygons
