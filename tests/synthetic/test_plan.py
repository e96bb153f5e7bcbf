from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from longtail_det.statistics import group_indices
from longtail_det.synthetic import PRESETS, GlyphsConfig
from longtail_det.synthetic.plan import (
    class_frequency,
    plan_statistics,
    plan_training,
    plan_validation,
    zipf_image_counts,
)

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


@pytest.mark.parametrize('name', ['lvis', 'lvis-full'])
def test_the_lvis_presets_have_the_groups_and_instances_of_lvis_v1(name):
    counts = zipf_image_counts(PRESETS[name])
    np.testing.assert_allclose(sizes(counts), [337, 461, 405], atol=10)
    assert counts.sum() * PRESETS[name].repeats == pytest.approx(1_270_141, rel=0.01)


def test_a_divisor_divides_the_counts_and_leaves_the_groups():
    config = PRESETS['lvis']
    counts = plan_statistics(plan_training(config), config.num_classes).image_count
    full = zipf_image_counts(config)
    np.testing.assert_array_equal(np.sort(counts)[::-1], np.maximum(np.floor(full / 20 + 0.5), 1))
    groups = class_frequency(config)
    assert {group: int((groups == group).sum()) for group in 'rcf'} == dict(zip('rcf', sizes(full), strict=True))
    assert set(counts[groups == 'r']) == {1}, 'a rare class keeps one image'
    assert counts[groups == 'c'].max() <= counts[groups == 'f'].min() == 5


@pytest.mark.parametrize(
    ('name', 'digest'),
    [
        ('tiny', 'aab9df681c05c355f5f352ca533f54f1227ab17e5ca0c9daa4eed912b8e002ca'),
        ('default', 'b8d9424a41c4b7de17ec4d64e2b2c37073904015b7785dbf9997f0e212516033'),
        ('lvis', '752c511eec5c2aeb56e10fb39a01459fab5ca08ad3974fa105732b9551a2abb2'),
    ],
)
def test_the_presets_are_frozen(name, digest):
    """Another plan would be another benchmark of the same name; `lvis-full` takes half a minute to plan."""
    found = hashlib.sha256()
    for plan in (plan_training(PRESETS[name]), plan_validation(PRESETS[name])):
        for classes in plan:
            found.update(classes.astype(np.int64).tobytes() + b'|')
    assert found.hexdigest() == digest


def test_a_divisor_of_one_is_not_written():
    assert 'count_divisor' not in PRESETS['default'].settings()
    assert GlyphsConfig(**PRESETS['lvis'].settings()) == PRESETS['lvis']


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
