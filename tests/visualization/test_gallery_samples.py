"""The objects of a class, with the detections of each run on them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from longtail_det.evaluation.lvis import Detections, ground_truth_table
from longtail_det.visualization import load_gallery_crops


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


def test_the_largest_object_of_each_image_comes_with_the_best_detections_of_each_run(scene):
    gt, paths = scene
    first = run(
        (1, 2, 0.5, [60, 70, 40, 30]),
        (1, 1, 0.9, [62, 70, 40, 30]),
        (1, 3, 0.7, [60, 70, 40, 30]),
        (1, 3, 0.6, [60, 72, 40, 30]),
        (1, 1, 0.95, [0, 0, 10, 10]),  # on another object
        (2, 1, 0.04, [140, 150, 20, 10]),  # below the threshold
    )
    second = run((2, 3, 0.3, [140, 150, 20, 10]))
    large, corner = load_gallery_crops(gt, [first, second], paths, 0)
    assert (large.image == 1).all()
    assert large.truth.boxes.tolist() == [[60, 70, 100, 100]]
    assert [found.scores.tolist() for found in large.found] == [[0.9, 0.7, 0.6], []]
    assert list(large.found[0].names) == ['class 1', 'class 3', 'class 3']
    assert [found.scores.tolist() for found in corner.found] == [[], [0.3]]


def test_the_window_is_a_square_around_the_object_inside_the_image(scene):
    gt, paths = scene
    large, corner = load_gallery_crops(gt, [], paths, 0)
    assert large.window == (40, 45, 120, 125)  # twice the longer side
    assert corner.window == (96, 96, 160, 160)  # of 64 pixels at least
    (only,) = load_gallery_crops(gt, [], paths, 1)
    assert only.window == (0, 0, 160, 160)


def test_images_that_were_not_tested_and_objects_beyond_the_count_are_left_out(scene):
    gt, paths = scene
    assert [crop.image[0, 0, 0] for crop in load_gallery_crops(gt, [], {2: paths[2]}, 0)] == [2]
    assert [crop.image[0, 0, 0] for crop in load_gallery_crops(gt, [], paths, 0, count=1)] == [1]
    assert load_gallery_crops(gt, [], paths, 2) == []
