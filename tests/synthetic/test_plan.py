from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from longtail_det.statistics import group_indices
from longtail_det.synthetic import PRESETS, GlyphsConfig
from longtail_det.synthetic.plan import plan_statistics, plan_training, plan_validation, zipf_image_counts

SMALL = [
    PRESETS['tiny'],
    PRESETS['default'],
    GlyphsConfig(num_classes=1),
    GlyphsConfig(num_classes=300, num_val=1600, head_share=0.04),
]
SHAPES = [replace(PRESETS['default'], zipf_exponent=s, head_share=h) for s in (0.5, 1.0, 1.7, 3.0) for h in (0.1, 0.35)]


def sizes(counts: np.ndarray) -> list[int]:
    return [len(classes) for classes in group_indices(counts).values()]


@pytest.mark.parametrize('config', [*SMALL, *SHAPES], ids=str)
def test_both_ends_of_the_counts_are_where_the_settings_put_them(config):
    counts = zipf_image_counts(config)
    assert counts[0] == round(config.head_share * config.num_train)
    assert sizes(counts)[0] == config.num_classes - max(round(config.num_classes * (1 - config.rare_share)), 1)
    assert (np.diff(counts) <= 0).all()
    assert counts.min() >= 1


def test_a_third_of_the_default_classes_is_rare_and_every_group_is_well_filled():
    assert sizes(zipf_image_counts(PRESETS['default'])) == [27, 34, 19]
    assert min(sizes(zipf_image_counts(PRESETS['tiny']))) >= 1


def test_the_lvis_preset_has_the_groups_of_lvis_v1():
    np.testing.assert_allclose(sizes(zipf_image_counts(PRESETS['lvis'])), [337, 461, 405], atol=10)


def test_counts_lie_on_a_shifted_power_law():
    counts = zipf_image_counts(GlyphsConfig(num_classes=400, num_train=10**7, head_share=0.5))
    # a / (rank + q) ** s: the s-th root of 1 / count is a straight line in the rank
    line = counts[:60] ** (-1 / GlyphsConfig().zipf_exponent)
    np.testing.assert_allclose(np.diff(line), np.diff(line).mean(), rtol=0.02)


@pytest.mark.parametrize('config', [*SMALL, *SHAPES], ids=str)
def test_training_realises_the_image_counts_exactly(config):
    plan = plan_training(config)
    statistics = plan_statistics(plan, config.num_classes)
    wanted = zipf_image_counts(config)
    np.testing.assert_array_equal(np.sort(statistics.image_count)[::-1], wanted)
    assert statistics.instance_count.sum() == pytest.approx(config.repeats * wanted.sum(), rel=0.02)
    assert len(plan) == config.num_train
    assert max(map(len, plan)) <= config.max_instances
    assert statistics.num_images == min(config.num_train, wanted.sum()), 'no image stays empty that need not'


@pytest.mark.parametrize('config', SMALL, ids=str)
def test_validation_has_the_same_number_of_every_class(config):
    plan = plan_validation(config)
    statistics = plan_statistics(plan, config.num_classes)
    assert set(statistics.instance_count.tolist()) == {config.val_instances}
    assert np.ptp(statistics.image_count) == 0
    assert len(plan) == config.num_val
    assert max(map(len, plan)) <= config.max_instances


def test_frequency_is_drawn_by_lot():
    first, second = (
        plan_statistics(plan_training(replace(PRESETS['tiny'], seed=seed)), 12).image_count for seed in (0, 1)
    )
    assert sorted(first) == sorted(second)
    assert (first != second).any()
    assert (np.diff(first) > 0).any(), 'class index is not rank'


@pytest.mark.parametrize('num_images', [50, 10])
def test_a_plan_at_the_edge_of_its_room_is_still_found(num_images):
    config = GlyphsConfig(num_classes=num_images * 4 // 10, num_val=num_images, val_instances=10, repeats=1.0)
    assert set(plan_statistics(plan_validation(config), config.num_classes).image_count.tolist()) == {10}


@pytest.mark.parametrize(
    ('plan', 'changes', 'message'),
    [
        (
            plan_training,
            {'num_train': 20},
            'head_share 0.3 of num_train 20 .* 6 images; .*at least 11: raise num_train',
        ),
        (
            plan_training,
            {'max_instances': 1},
            '10480 instances of 80 classes .* need max_instances 7 or more.* it is 1: raise it',
        ),
        (
            plan_validation,
            {'num_val': 30},
            'num_val is 30; 16 instances of each of 80 classes.* need at least 320 images.* raise num_val',
        ),
        (
            plan_validation,
            {'num_classes': 1, 'num_val': 3},
            'num_val is 3; 16 instances of each of 1 .* need at least 12 images',
        ),
    ],
)
def test_contradictions_are_one_line_with_the_way_out(plan, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        plan(replace(GlyphsConfig(), **changes))
    assert '\n' not in str(error.value)
