from __future__ import annotations

from pathlib import Path

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch
from PIL import Image

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
    return {'images': [{'id': i} for i in range(1, 6)], 'annotations': annotations, 'categories': categories}


@pytest.fixture
def predictions(tmp_path):
    mask = np.zeros((40, 30), np.uint8, order='F')
    mask[4:24, 4:14] = 1
    samples = []
    for i in range(1, 6):
        path = tmp_path / 'val2017' / f'{i}.png'
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((40, 30, 3), 10 * i, np.uint8)).save(path)
        instances = {
            'bboxes': torch.tensor([[1.0, 1, 5, 5], [4, 4, 14, 24], [0, 0, 9, 9]]),
            'scores': torch.tensor([0.2, 0.5, 0.8]),
            'labels': torch.tensor([0, 2, 1]),
            'masks': [mask_utils.encode(mask)] * 3,
        }
        samples.append({'img_id': i, 'img_path': str(path), 'pred_instances': instances})
    return samples


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
    assert choose_images(gt, img_ids, count) == chosen


def test_without_groups_images_are_chosen_in_order(gt):
    for category in gt['categories']:
        del category['frequency']
    assert choose_images(gt, [1, 2, 3, 4, 5], 3) == [1, 2, 3]


def test_a_sample_holds_the_image_what_is_on_it_and_what_was_found(gt, predictions):
    sample = load_grid_samples(gt, predictions, count=1)[0]
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


def test_labels_follow_the_classes_of_the_data_set(gt, predictions):
    sample = load_grid_samples(gt, predictions, classes=['class 3', 'class 2', 'class 1'], count=1)[0]
    assert sample.predictions.names == ['class 2', 'class 1']


@pytest.mark.parametrize('segmentation', ['uncompressed', 'compressed', 'none'])
def test_ground_truth_masks_may_be_rle_or_missing(gt, predictions, segmentation):
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
    masks = load_grid_samples(gt, predictions, count=1)[0].ground_truth.masks
    assert masks is None if segmentation == 'none' else (masks[0] == expected).all()


@pytest.mark.parametrize('inner', ['val2017', '.'])
def test_images_may_have_moved(gt, predictions, tmp_path, inner):
    moved = tmp_path / 'moved' / inner
    moved.mkdir(parents=True)
    (tmp_path / 'val2017' / '1.png').rename(moved / '1.png')
    assert load_grid_samples(gt, predictions, count=1, img_root=tmp_path / 'moved')[0].title == '1'


def test_a_missing_image_and_a_label_beyond_the_file_are_one_line(gt, predictions):
    Path(predictions[0]['img_path']).unlink()
    with pytest.raises(FileNotFoundError, match=r'image not found: .*1\.png; .*--img-root'):
        load_grid_samples(gt, predictions, count=1)
    predictions[2]['pred_instances']['labels'][0] = 3
    with pytest.raises(ValueError, match=r'predicted label is 3, but the annotation file has 3 classes; .*--ann'):
        load_grid_samples(gt, predictions[2:], count=1)
