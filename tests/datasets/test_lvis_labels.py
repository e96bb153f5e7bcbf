"""Labels and class statistics are those of the images that a dataset holds."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from longtail_det.annotations import load_class_statistics

from ..annotation_files import CATEGORY_IDS, NAMES, all_info, annotation, make_records, with_oddities


def count_by_loop(infos, num_classes):
    images, instances = np.zeros(num_classes, int), np.zeros(num_classes, int)
    for info in infos:
        labels = [i['bbox_label'] for i in info['instances'] if not i['ignore_flag']]
        for label in labels:
            instances[label] += 1
        for label in set(labels):
            images[label] += 1
    return images.tolist(), instances.tolist()


SUBSETS = [
    lambda load: load(make_records()),
    lambda load: load(make_records(), filter_cfg={'filter_empty_gt': True, 'min_size': 32}),
    lambda load: load(make_records(), indices=4),
    lambda load: load(make_records(), indices=-4),
    lambda load: load(make_records(), indices=[5, 0, 5], filter_cfg={'min_size': 32}),
    lambda load: load(make_records(), metainfo={'classes': ['tree', 'cat']}),
    lambda load: load(make_records(), serialize_data=False, indices=3),
    lambda load: load(make_records()).get_subset([1, 2, 6]),
    lambda load: load(make_records()).get_subset(-2),
    lambda load: [d := load(make_records()), d.get_subset_([3, 8]), d.get_subset_(1)][0],
    lambda load: pickle.loads(pickle.dumps(load(make_records()))),
    lambda load: copy.deepcopy(load(make_records(), lazy_init=True)),
]


@pytest.mark.parametrize('make', SUBSETS)
def test_labels_and_counts_are_those_of_the_images_that_are_there(make, load):
    dataset = make(load)
    infos = all_info(dataset)
    stats = dataset.class_statistics
    assert (stats.image_count.tolist(), stats.instance_count.tolist()) == count_by_loop(infos, stats.num_classes)
    assert stats.num_images == sum(bool(info['instances']) for info in infos)
    assert stats.names == dataset.metainfo['classes']
    labels = [[i['bbox_label'] for i in info['instances']] for info in infos]
    assert [dataset.get_cat_ids(i) for i in range(len(dataset))] == labels
    assert [each.tolist() for each in dataset.labels_per_image] == [sorted(set(each)) for each in labels]


def test_a_subset_leaves_its_source_alone(load):
    dataset = load(make_records())
    before = dataset.class_statistics
    dataset.get_subset(2)
    assert dataset.class_statistics == before
    assert len(dataset.labels_per_image) == len(dataset)


@pytest.mark.parametrize('style', ['v1', 'coco'])
def test_the_counts_are_those_of_the_file(style, load, write):
    """Crowd regions are no instances; tiny boxes are, as in the image_count of LVIS."""
    records = with_oddities(make_records(style))
    stats = load(records).class_statistics
    assert load_class_statistics(write(records)).to_dict().items() >= stats.to_dict().items()
    counted = [a for a in records['annotations'] if not a.get('iscrowd') and not a.get('ignore')]
    pairs = {(a['image_id'], a['category_id']) for a in counted}
    assert stats.instance_count.tolist() == [sum(a['category_id'] == c for a in counted) for c in CATEGORY_IDS]
    assert stats.image_count.tolist() == [sum(pair[1] == c for pair in pairs) for c in CATEGORY_IDS]
    assert (stats.num_images, stats.names) == (len({image_id for image_id, _ in pairs}), NAMES)


def test_crowd_regions_are_boxes_but_no_labels_of_an_image(load):
    records = make_records(num_images=3)
    records['annotations'] = [annotation(1, records['images'][0]['id'], 7, (1, 1, 9, 9), iscrowd=1)]
    dataset = load(records)
    assert dataset.get_cat_ids(0) == [2]
    assert dataset.labels_per_image[0].tolist() == []
    assert dataset.class_statistics.num_images == 0


def test_the_order_of_records_does_not_change_the_counts(load):
    records = make_records()
    expected = load(records).class_statistics
    for key in ('annotations', 'images', 'categories'):
        np.random.default_rng(1).shuffle(records[key])
    assert load(dict(reversed(records.items()))).class_statistics == expected


def test_image_indices_count_from_the_end_and_stop_at_it(load):
    dataset = load(make_records())
    assert dataset.get_cat_ids(-1) == dataset.get_cat_ids(len(dataset) - 1)
    with pytest.raises(IndexError):
        dataset.get_cat_ids(len(dataset))
