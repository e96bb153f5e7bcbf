from __future__ import annotations

import dataclasses

import numpy as np
import pycocotools.mask as mask_utils
import pytest
from PIL import Image

from longtail_det.evaluation.lvis import Detections, ground_truth_table
from longtail_det.visualization import choose_images, load_grid_samples

SQUARE = [[4.0, 4.0, 14.0, 4.0, 14.0, 24.0, 4.0, 24.0]]


@pytest.fixture
def gt():
    """Images 1 and 2 show the rare class, 3 the common one, 4 the frequent one, 5 nothing."""
    categories = [{'id': c * 10, 'name': f'class {c}', 'frequency': g} for c, g in enumerate('fcr', start=1)]
    annotations = [
        {'id': i, 'image_id': i, 'category_id': c, 'bbox': [4, 4, 10, 20], 'segmentation': SQUARE, 'area': 200}
        for i, c in ((1, 30), (2, 30), (3, 20), (4, 10))
    ]
    images = [{'id': i, 'height': 40, 'width': 30} for i in range(1, 6)]
    return {'images': images, 'annotations': annotations, 'categories': categories}


@pytest.fixture
def image_paths(tmp_path):
    paths = {i: tmp_path / 'val2017' / f'{i}.png' for i in range(1, 6)}
    (tmp_path / 'val2017').mkdir()
    for i, path in paths.items():
        Image.fromarray(np.full((40, 30, 3), 10 * i, np.uint8)).save(path)
    return paths


@pytest.fixture
def detections():
    """Three on each image, in no order of score."""
    mask = np.zeros((40, 30), np.uint8, order='F')
    mask[4:24, 4:14] = 1
    return Detections(
        image_ids=np.repeat(np.arange(1, 6), 3),
        category_ids=np.array([10, 30, 20] * 5),
        scores=np.array([0.2, 0.5, 0.8] * 5),
        boxes=np.array([[1.0, 1, 4, 4], [4, 4, 10, 20], [0, 0, 9, 9]] * 5),
        masks=[mask_utils.encode(mask)] * 15,
    )


def table(gt):
    return ground_truth_table(gt, ('bbox', 'segm') if 'segmentation' in gt['annotations'][0] else ('bbox',))


@pytest.mark.parametrize(
    ('count', 'img_ids', 'chosen'),
    [
        (3, [1, 2, 3, 4, 5], [1, 3, 4]),
        (9, [1, 2, 3, 4, 5], [1, 3, 4, 2]),
        (2, [2, 4], [2, 4]),
        (2, [5], []),
        (0, [1], []),
    ],
)
def test_images_are_chosen_from_each_group_in_turn(gt, count, img_ids, chosen):
    assert choose_images(table(gt), img_ids, count) == chosen


def test_without_groups_images_are_chosen_in_order(gt):
    for category in gt['categories']:
        del category['frequency']
    assert choose_images(table(gt), [1, 2, 3, 4, 5], 3) == [1, 2, 3]


def test_a_sample_holds_the_image_what_is_on_it_and_what_was_found(gt, detections, image_paths):
    sample = load_grid_samples(table(gt), detections, image_paths, count=1)[0]
    assert sample.image.shape == (40, 30, 3)
    assert (sample.image == 10).all()
    assert sample.title == '1'
    truth, found = sample.ground_truth, sample.predictions
    assert truth.boxes.tolist() == [[4, 4, 14, 24]]
    assert (truth.names, truth.groups, truth.scores) == (['class 3'], ['r'], None)
    assert truth.masks.sum() == 200
    assert found.boxes.tolist() == [[0, 0, 9, 9], [4, 4, 14, 24]]  # best first, none below the threshold
    assert found.scores == pytest.approx([0.8, 0.5])
    assert (found.names, found.groups) == (['class 2', 'class 3'], ['c', 'r'])
    assert (found.masks[0] == truth.masks[0]).all()


def test_what_is_missing_is_not_drawn(gt, detections, image_paths):
    """No masks, no training frequency, a detection of a class that the file does not hold."""
    for category in gt['categories']:
        del category['frequency']
    bare = dataclasses.replace(detections, masks=None, category_ids=np.where(detections.category_ids == 20, 99, 30))
    found = load_grid_samples(table(gt), bare, image_paths, count=1)[0].predictions
    assert (found.names, found.groups, found.masks) == (['class 3'], [''], None)


@pytest.mark.parametrize('segmentation', ['uncompressed', 'compressed', 'none'])
def test_ground_truth_masks_may_be_rle_or_missing(gt, detections, image_paths, segmentation):
    rle = mask_utils.merge(mask_utils.frPyObjects(SQUARE, 40, 30))
    expected = mask_utils.decode(rle).astype(bool)
    runs = np.diff(np.flatnonzero(np.diff(expected.T.ravel(), prepend=False, append=not expected[-1, -1])))
    counts = [int(np.flatnonzero(expected.T.ravel())[0]), *runs.tolist()]
    counts.append(expected.size - sum(counts))
    annotation = gt['annotations'][0]
    if segmentation == 'none':
        del annotation['segmentation']
    else:
        annotation['segmentation'] = rle if segmentation == 'compressed' else {'size': [40, 30], 'counts': counts}
    masks = load_grid_samples(table(gt), detections, image_paths, count=1)[0].ground_truth.masks
    assert masks is None if segmentation == 'none' else (masks[0] == expected).all()


@pytest.mark.parametrize('inner', ['val2017', '.'])
def test_images_may_have_moved(gt, detections, image_paths, tmp_path, inner):
    moved = tmp_path / 'moved' / inner
    moved.mkdir(parents=True)
    (tmp_path / 'val2017' / '1.png').rename(moved / '1.png')
    assert load_grid_samples(table(gt), detections, image_paths, count=1, img_root=tmp_path / 'moved')[0].title == '1'


def test_a_missing_image_is_one_line(gt, detections, image_paths):
    image_paths[1].unlink()
    with pytest.raises(FileNotFoundError, match=r'image not found: .*1\.png; .*--img-root'):
        load_grid_samples(table(gt), detections, image_paths, count=1)
