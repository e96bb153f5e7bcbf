"""The best candidates give the beginning of greedy NMS over all of them; the whole is tested beside mmdet's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtail_det.functional.ops import best_candidates, first_survivors, nms, spread_classes, suppress_within_classes

SETTINGS = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


def overlap(a, b):
    width, height = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1))
    inter = max(width, 0) * max(height, 0)
    return inter / (sum((x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)) - inter) if inter else 0.0


def greedy(boxes):
    """Greedy NMS at an IoU of one half."""
    kept = []
    for i, box in enumerate(boxes.tolist()):
        if not any(overlap(boxes[k].tolist(), box) > 0.5 for k in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.long)


def random_boxes(count, generator):
    corners = torch.randint(-5, 12, (count, 2), generator=generator).float()
    return torch.cat([corners, corners + torch.randint(0, 8, (count, 2), generator=generator)], dim=1)


@SETTINGS
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(0, 30), st.integers(1, 30)),
    levels=st.sampled_from([1, 3, 50, 10**6]),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    nans=st.booleans(),
    limit=st.integers(1, 60),
    sample=st.sampled_from([8, 64, 2**16]),
)
def test_best_candidates_are_the_head_of_a_stable_sort(monkeypatch, seed, shape, levels, share, nans, limit, sample):
    monkeypatch.setattr(nms, '_SAMPLE', sample)
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(levels, (shape[0], shape[1] + 1), generator=generator).float()[:, :-1]
    if nans:
        scores[::3, ::2] = torch.nan
    valid = torch.rand(shape, generator=generator) <= share
    order = scores.flatten().sort(descending=True, stable=True).indices
    expected = order[valid.flatten()[order]][:limit]
    assert best_candidates(scores, valid, limit).tolist() == expected.tolist()


@SETTINGS
@given(seed=st.integers(0, 10**6), max_num=st.integers(1, 12), fewest=st.sampled_from([1, 5, 1000]))
def test_first_survivors_are_the_head_of_the_full_result(monkeypatch, seed, max_num, fewest):
    monkeypatch.setattr(nms, '_FEWEST', fewest)
    monkeypatch.setattr(nms, '_AHEAD', 1)
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(6, (9, 4), generator=generator).float()
    boxes, valid = random_boxes(36, generator), scores > 0

    def look(rows, labels):
        own = boxes[rows * 4 + labels]
        return own, greedy(own)

    order = best_candidates(scores, valid, 36)
    index, found = first_survivors(scores, valid, look, max_num)
    assert index.tolist() == order[greedy(boxes[order])][:max_num].tolist()
    assert torch.equal(found, boxes[index])


@SETTINGS
@given(
    seed=st.integers(0, 10**6), count=st.integers(0, 25), classes=st.integers(1, 6), shift=st.sampled_from([0, 14, 100])
)
def test_classes_do_not_suppress_each_other(seed, count, classes, shift):
    """Whether the classes lie apart, nearly apart or on top of each other."""
    generator = torch.Generator().manual_seed(seed)
    boxes, labels = random_boxes(count, generator), torch.randint(classes, (count,), generator=generator)
    rows = [(labels == c).nonzero()[:, 0] for c in range(classes)]
    expected = sorted(int(i) for own in rows for i in own[greedy(boxes[own])])
    shifted = boxes + shift * labels[:, None]
    assert suppress_within_classes(shifted, labels, greedy).tolist() == expected
    assert greedy(spread_classes(boxes, labels)).tolist() == expected


def test_few_calls_where_classes_lie_apart():
    generator = torch.Generator().manual_seed(0)
    boxes, labels = random_boxes(200, generator), torch.randint(50, (200,), generator=generator)
    for shift, calls in ((30, 1), (14, 2), (0, 50)):
        seen = []
        suppress_within_classes(
            boxes + shift * labels[:, None], labels, lambda b, seen=seen: (seen.append(b), greedy(b))[1]
        )
        assert len(seen) == calls


def test_thousands_of_classes_keep_the_fractions_of_their_boxes():
    boxes = torch.tensor([[0.0, 0.0, 1333.0, 800.0], [0.25, 0.5, 3.75, 4.125]]).repeat(10000, 1)
    labels = torch.arange(10000).repeat_interleave(2) * 5
    spread = spread_classes(boxes, labels)
    assert torch.equal(spread[:, 2:] - spread[:, :2], boxes[:, 2:] - boxes[:, :2])
    assert spread.max() < 1334 * 101


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes(dtype):
    boxes = torch.tensor([[-1.0, -2.0, 3.0, 4.0]]).repeat(300, 1).to(dtype)
    spread = spread_classes(boxes, torch.arange(300))
    assert len(spread.unique(dim=0)) == 300
    assert best_candidates(torch.eye(40).to(dtype), torch.eye(40) > 0, 3).tolist() == [0, 41, 82]
