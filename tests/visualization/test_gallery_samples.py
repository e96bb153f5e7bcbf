"""The objects of a class, with the detections on them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from longtail_det.evaluation.lvis import Detections, ground_truth_table
from longtail_det.visualization import load_gallery


@pytest.fixture
def scene(make_gt, tmp_path):
    """Class 1 has a small and a large object on image 1 and one at the corner of image 2, class 2 one on image 1."""
    objects = [
        (1, 1, [0, 0, 10, 10]),
        (1, 1, [60, 70, 40, 30]),
        (2, 1, [140, 150, 20, 10]),
        (1, 2, [100, 0, 90, 90]),
    ]
    paths = {i: tmp_path / f'{i}.png' for i in (1, 2)}
    for i, path in paths.items():
        Image.fromarray(np.full((160, 160, 3), i, np.uint8)).save(path)
    return ground_truth_table(make_gt(objects, num_images=2)), paths


def run(*rows):
    images, categories, scores, boxes = zip(*rows, strict=True)
    return Detections(np.array(images), np.array(categories), np.array(scores), np.array(boxes, float))


def crops_of(gt, detections, paths, label, **options):
    return [crop for row in load_gallery(gt, detections, paths, [label], ['words'], **options) for crop in row.crops]


def test_the_largest_object_of_each_image_comes_with_the_best_detections_on_it(scene):
    gt, paths = scene
    found = run(
        (1, 2, 0.5, [60, 70, 40, 30]),
        (1, 1, 0.9, [62, 70, 40, 30]),
        (1, 3, 0.7, [60, 70, 40, 30]),
        (1, 3, 0.6, [60, 72, 40, 30]),
        (1, 1, 0.95, [0, 0, 10, 10]),  # on another object
        (2, 1, 0.04, [140, 150, 20, 10]),  # below the threshold
    )
    (row,) = load_gallery(gt, found, paths, [0], ['words'])
    assert (row.name, row.group, row.caption) == ('class 1', 'r', 'words')
    large, corner = row.crops
    assert (large.image == 1).all()
    assert large.truth.boxes.tolist() == [[60, 70, 100, 100]]
    assert large.found.scores.tolist() == [0.9, 0.7, 0.6]
    assert list(large.found.names) == ['class 1', 'class 3', 'class 3']
    assert len(corner.found.boxes) == 0


def test_the_window_is_a_square_around_the_object_inside_the_image(scene):
    gt, paths = scene
    none = run((1, 1, 0.0, [0, 0, 1, 1]))
    large, corner = crops_of(gt, none, paths, 0)
    assert large.window == (40, 45, 120, 125)  # twice the longer side
    assert corner.window == (96, 96, 160, 160)  # of 64 pixels at least
    (only,) = crops_of(gt, none, paths, 1)
    assert only.window == (0, 0, 160, 160)


def test_images_that_were_not_tested_and_objects_beyond_the_count_are_left_out(scene):
    gt, paths = scene
    none = run((1, 1, 0.0, [0, 0, 1, 1]))
    assert [crop.image[0, 0, 0] for crop in crops_of(gt, none, {2: paths[2]}, 0)] == [2]
    assert [crop.image[0, 0, 0] for crop in crops_of(gt, none, paths, 0, objects_per_class=1)] == [1]
    assert crops_of(gt, none, paths, 2) == []
