"""Which classes RIO replays, and how often that comes to."""

from __future__ import annotations

import numpy as np
import pytest

from longtail_det.statistics import expected_replays, group_indices, replay_classes

COUNTS = np.array([0, 1, 10, 11, 30, 31, 100, 101])


@pytest.mark.parametrize('max_images', [0, 9, 10])
def test_rare_classes_are_always_replayed(max_images):
    assert replay_classes(COUNTS, max_images).tolist() == group_indices(COUNTS)['r'].tolist()


@pytest.mark.parametrize('max_images', [11, 30, 99, 500])
def test_common_classes_are_replayed_up_to_the_limit(max_images):
    assert replay_classes(COUNTS, max_images).tolist() == [c for c, n in enumerate(COUNTS) if n <= max_images]


def test_the_default_limit_is_that_of_the_paper():
    assert replay_classes(COUNTS).tolist() == replay_classes(COUNTS, 30).tolist()


@pytest.mark.parametrize('images_per_step', [1, 2, 5])
def test_expected_replays_are_those_of_random_steps(images_per_step):
    shows_class = np.zeros(200, dtype=bool)
    shows_class[:30] = True
    generator = np.random.default_rng(0)
    steps = [generator.permutation(shows_class).reshape(-1, images_per_step).any(axis=1).sum() for _ in range(500)]
    expected = expected_replays([30, 0, 200], 200, replay=20, images_per_step=images_per_step)
    assert expected[0] == pytest.approx(20 * np.mean(steps), rel=0.02)
    assert expected[1] == 0
    assert expected[2] == pytest.approx(20 * 200 / images_per_step)
