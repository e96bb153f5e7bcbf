from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.lvis import ground_truth_table


def test_objects_are_ascending_by_image_and_class_and_keep_their_masks(lvis_case):
    gt, _ = lvis_case(0)
    table = ground_truth_table(gt)
    by_id = {annotation['id']: annotation for annotation in gt['annotations']}
    assert len(table.pairs) == sum(annotation['area'] > 0 for annotation in gt['annotations'])
    for row, object_id in enumerate(table.object_ids.tolist()):
        annotation = by_id[object_id]
        assert table.image_ids[table.object_images[row]] == annotation['image_id']
        assert table.category_ids[table.labels[row]] == annotation['category_id']
        assert table.segmentation(row) == annotation['segmentation']
        assert table.boxes[row].tolist() == annotation['bbox']
        assert table.ignore[row] == annotation.get('ignore', 0)
    assert (np.diff(table.pairs) >= 0).all()


def test_scored_and_open_pairs_are_those_of_the_file(lvis_case):
    gt, _ = lvis_case(1)
    table = ground_truth_table(gt)
    shown = {(a['image_id'], a['category_id']) for a in gt['annotations'] if a['area'] > 0}
    for image in gt['images']:
        row = table.image_rows([image['id']])[0]
        pairs = row * table.num_classes + np.arange(table.num_classes)
        scored = [(image['id'], c) in shown or c in image['neg_category_ids'] for c in range(8)]
        assert table.is_scored(pairs).tolist() == scored
        assert table.is_open(pairs).tolist() == [c in image['not_exhaustive_category_ids'] for c in range(8)]


def test_selected_classes_are_those_of_a_file_without_the_others(lvis_case):
    gt, _ = lvis_case(2)
    kept = [1, 3, 6]
    smaller = {
        **gt,
        'categories': [c for c in gt['categories'] if c['id'] in kept],
        'annotations': [a for a in gt['annotations'] if a['category_id'] in kept],
    }
    selected, expected = ground_truth_table(gt).select_classes([6, 3, 1, 99]), ground_truth_table(smaller)
    for name in ('pairs', 'object_ids', 'boxes', 'areas', 'ignore', 'category_ids', 'listed_pairs', 'open_pairs'):
        np.testing.assert_array_equal(getattr(selected, name), getattr(expected, name))
    assert (selected.names, selected.groups.tolist()) == (expected.names, expected.groups.tolist())
    assert selected.segmentation(0) == expected.segmentation(0)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda gt: gt.pop('categories'), 'has no categories; expected the format of LVIS or COCO'),
        (lambda gt: gt['annotations'][0].pop('area'), 'annotation 1 has no area'),
        (lambda gt: gt['annotations'][0].pop('segmentation'), 'annotation 1 has no segmentation'),
        (
            lambda gt: gt['annotations'][0].update(bbox=[1, 2, 3]),
            r'annotation 1 has bbox \[1, 2, 3\], expected four numbers',
        ),
        (lambda gt: gt['annotations'][0].update(area='5'), "annotation 1 has area '5', expected a number"),
        (lambda gt: gt['images'][0].pop('height'), r'image \d+ has no height'),
        (lambda gt: gt['categories'][0].pop('name'), r'categories\[0\] has no id and name'),
        (
            lambda gt: gt['images'][0].update(neg_category_ids=['a']),
            r'image \d+ has neg_category_ids that are not category',
        ),
        (lambda gt: gt['images'].append(gt['images'][0]), r'image id \d+ is used twice'),
        (lambda gt: gt['categories'].append(gt['categories'][0]), r'category id \d+ is used twice'),
    ],
)
def test_a_bad_file_is_one_line(lvis_case, change, message):
    gt, _ = lvis_case(0)
    change(gt)
    with pytest.raises(ValueError, match=message) as error:
        ground_truth_table(gt)
    assert '\n' not in str(error.value)
