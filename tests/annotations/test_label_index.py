from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.annotations import LabelIndex, Role

annotations = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(Role)), max_size=6)
images = st.lists(annotations, min_size=1, max_size=6)
NAMES = list('abcde')


def make_index(per_image):
    flat = [annotation for each in per_image for annotation in each]
    return LabelIndex(
        labels=np.array([label for label, _ in flat], dtype=np.int32),
        roles=np.array([role for _, role in flat], dtype=np.uint8),
        offsets=np.cumsum([0, *map(len, per_image)]),
        rows=np.arange(len(flat)),
        image_rows=np.arange(len(per_image)),
    )


def as_lists(index):
    flat = list(zip(index.labels.tolist(), index.roles.tolist(), strict=True))
    return [flat[start:stop] for start, stop in zip(index.offsets[:-1], index.offsets[1:], strict=True)]


@given(images)
def test_every_question_is_answered_as_a_loop_answers_it(per_image):
    index = make_index(per_image)
    assert len(index) == len(per_image)
    assert index.annotated.tolist() == [bool(each) for each in per_image]
    trained = [[label for label, role in each if role == Role.INSTANCE] for each in per_image]
    boxed = [[label for label, role in each if role in (Role.INSTANCE, Role.CROWD)] for each in per_image]
    counted = [[label for label, role in each if role in (Role.INSTANCE, Role.TINY)] for each in per_image]
    assert [labels.tolist() for labels in index.unique_labels()] == [sorted(set(each)) for each in trained]
    assert [index.labels_of(i).tolist() for i in range(len(index))] == boxed
    stats = index.statistics(NAMES)
    assert stats.image_count.tolist() == [sum(c in each for each in counted) for c in range(5)]
    assert stats.instance_count.tolist() == [sum(each.count(c) for each in counted) for c in range(5)]
    assert stats.num_images == sum(map(bool, counted))


@given(images, st.data())
def test_selecting_images_is_selecting_from_a_list(per_image, data):
    chosen = data.draw(st.lists(st.integers(-len(per_image), len(per_image) - 1), max_size=8))
    part = make_index(per_image).select(chosen)
    assert as_lists(part) == [per_image[i] for i in chosen]
    assert part.image_rows.tolist() == [range(len(per_image))[i] for i in chosen]
    flat = [annotation for each in per_image for annotation in each]
    assert [flat[row] for row in part.rows] == [annotation for i in chosen for annotation in per_image[i]]
    n = data.draw(st.integers(-len(per_image), len(per_image)))
    expected = per_image[:n] if n >= 0 else per_image[n:]
    assert as_lists(make_index(per_image).select(n)) == expected


@given(images)
def test_the_order_of_images_changes_no_count(per_image):
    assert make_index(per_image[::-1]).statistics(NAMES) == make_index(per_image).statistics(NAMES)


@pytest.mark.parametrize(
    ('roles', 'expected'),
    [
        ([], '1 images, 0 instances'),
        ([Role.INSTANCE] * 2, '1 images, 2 instances'),
        ([Role.CROWD, Role.TINY, Role.TINY], '1 images, 0 instances, 1 crowd regions, 2 left out for a side below'),
        ([Role.IGNORED], "1 images, 0 instances, 1 left out for 'ignore'"),
    ],
)
def test_the_summary_says_what_is_not_trained_on(roles, expected):
    assert make_index([[(0, role) for role in roles]]).summary().startswith(expected)
