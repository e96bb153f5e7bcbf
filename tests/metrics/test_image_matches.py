from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.evaluation.lvis.match_table import MatchTable
from longtail_det.metrics.image_matches import (
    ImageMatches,
    drop_outranked,
    in_max_class_dets,
    merge_images,
    split_by_image,
)

NUM_CLASSES, CAP = 3, 4


def random_table(rng: np.random.Generator, counts: np.ndarray) -> tuple[MatchTable, list[tuple]]:
    """Matches of some of each image's detections, scores tied, and the labels and scores of all of them."""
    rows = []
    ranked = []
    for image, count in enumerate(counts.tolist()):
        labels, scores = rng.integers(0, NUM_CLASSES, count).astype(np.int16), rng.integers(0, 5, count) / 4
        ranked.append((labels, scores))
        rows += [(image, labels[i], scores[i], i) for i in range(count) if rng.random() < 0.5]
    columns = np.array(rows).reshape(-1, 4)
    return (
        MatchTable(
            images=columns[:, 0].astype(np.int8),
            labels=columns[:, 1].astype(np.int16),
            scores=columns[:, 2],
            source=columns[:, 3].astype(np.int32),
            in_max_dets=rng.random(len(columns)) < 0.5,
            true_positives=rng.integers(0, 256, (len(columns), 5), dtype=np.uint8),
            false_positives=rng.integers(0, 256, (len(columns), 5), dtype=np.uint8),
            matched_gt=np.full(len(columns), -1, dtype=np.int32),
        ),
        ranked,
    )


@given(seed=st.integers(0, 10**6), num_images=st.integers(1, 6))
def test_split_and_merged_is_what_was(seed, num_images):
    rng = np.random.default_rng(seed)
    table, _ = random_table(rng, rng.integers(0, 9, num_images))
    parts = split_by_image(table, range(num_images), True)
    merged = merge_images(
        [ImageMatches(i, {'bbox': part}, {}) for i, part in enumerate(parts)], np.arange(num_images), 'bbox'
    )
    for name in (
        'images',
        'labels',
        'scores',
        'source',
        'in_max_dets',
        'true_positives',
        'false_positives',
        'matched_gt',
    ):
        np.testing.assert_array_equal(getattr(merged, name), getattr(table, name), strict=True)


def test_without_a_ranking_only_what_is_within_the_cap_is_kept():
    rng = np.random.default_rng(0)
    table, _ = random_table(rng, np.array([9, 0, 9]))
    images = [ImageMatches(i, {'bbox': part}, {}) for i, part in enumerate(split_by_image(table, range(3), False))]
    merged, expected = merge_images(images, np.arange(3), 'bbox'), table.select(table.in_max_dets)
    assert 0 < len(merged) < len(table)
    for name in ('images', 'labels', 'scores', 'in_max_dets', 'true_positives', 'false_positives'):
        np.testing.assert_array_equal(getattr(merged, name), getattr(expected, name), strict=True)


@given(seed=st.integers(0, 10**6), num_images=st.integers(1, 6))
def test_what_is_forgotten_would_not_have_counted(seed, num_images):
    rng = np.random.default_rng(seed)
    table, ranked = random_table(rng, rng.integers(0, 9, num_images))
    rows = np.arange(num_images)
    images = [
        ImageMatches(i, {'bbox': part}, {'bbox': ranked[i]}) for i, part in enumerate(split_by_image(table, rows, True))
    ]
    before = in_max_class_dets(images, images[::-1], merge_images(images, rows, 'bbox'), 'bbox', CAP)
    held = sum(len(image.ranked['bbox'][0]) for image in images)
    for part in (slice(None, 2), slice(None)):  # twice, as in a long run
        images[part] = drop_outranked(images[part], NUM_CLASSES, CAP)
    np.testing.assert_array_equal(
        in_max_class_dets(images, images[::-1], merge_images(images, rows, 'bbox'), 'bbox', CAP), before
    )
    labels = np.concatenate([image.ranked['bbox'][0] for image in images])
    assert len(labels) <= held
    if len(labels) and np.bincount(labels).max() > CAP:
        crowded = np.bincount(labels).argmax()
        scores = np.concatenate([image.ranked['bbox'][1] for image in images])[labels == crowded]
        assert (scores > scores.min()).sum() < CAP  # only ties at the cut are left over
