from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
METHODS = ('naive', 'linear', 'gaussian')


def iou(a, b, offset):
    width, height = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) + offset for k in (0, 1))
    inter = np.float32(max(width, 0) * max(height, 0))
    area_a, area_b = ((x[2] - x[0] + offset) * (x[3] - x[1] + offset) for x in (a, b))
    union = np.float32(area_a + area_b) - inter
    return inter / union if union else np.float32('nan')


def reference_nms(boxes, scores, threshold, offset):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if not any(iou(boxes[k], boxes[i], offset) > np.float32(threshold) for k in kept):
            kept.append(i)
    return kept


def reference_soft_nms(boxes, scores, threshold, sigma, min_score, method, offset):
    """Pick the first best of a list, lower the others; the pick swaps to the front, the last one fills each hole."""
    rest = [(np.float64(score), i) for i, score in enumerate(scores)]
    picked = []
    while rest:
        best = max(range(len(rest)), key=lambda k: (rest[k][0], -k))
        rest[0], rest[best] = rest[best], rest[0]
        score, i = rest.pop(0)
        picked.append((i, score))
        k = 0
        while k < len(rest):
            overlap = np.float64(iou64(boxes[i], boxes[rest[k][1]], offset))
            lowered = rest[k][0] * factor(overlap, threshold, sigma, method)
            if lowered < min_score:
                rest[k] = rest[-1]
                rest.pop()
            else:
                rest[k] = (lowered, rest[k][1])
                k += 1
    return picked


def iou64(a, b, offset):
    width, height = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) + offset for k in (0, 1))
    inter = max(width, 0) * max(height, 0)
    area_a, area_b = ((x[2] - x[0] + offset) * (x[3] - x[1] + offset) for x in (a, b))
    return inter / (area_a + area_b - inter)


def factor(overlap, threshold, sigma, method):
    if method == 'gaussian':
        return np.exp(-(overlap**2) / sigma)
    if overlap < threshold:
        return 1.0
    return 1 - overlap if method == 'linear' else 0.0


@st.composite
def scored_boxes(draw, min_side=0, unique_scores=False):
    """Integer boxes on a small grid and scores in sixteenths: overlaps, equal boxes and exact thresholds."""
    corner, side = st.integers(0, 12), st.integers(min_side, 8)
    boxes = draw(st.lists(st.tuples(corner, corner, side, side), min_size=1, max_size=14))
    count = len(boxes)
    scores = draw(st.lists(st.integers(0, 16), min_size=count, max_size=count, unique=unique_scores))
    return [[x, y, x + w, y + h] for x, y, w, h in boxes], [score / 16 for score in scores]


THRESHOLDS = st.sampled_from([0.0, 0.3, 1 / 3, 0.5, 0.7, 1.0])
OFFSETS = st.sampled_from([0, 1])


def check_nms(ops, device, data, threshold, offset):
    boxes, scores = data
    dets, kept = ops.nms(
        torch.tensor(boxes, dtype=torch.float32, device=device),
        torch.tensor(scores, dtype=torch.float32, device=device),
        threshold,
        offset=offset,
    )
    expected = reference_nms(boxes, scores, threshold, offset)
    assert kept.tolist() == expected
    assert dets.tolist() == [[*boxes[i], scores[i]] for i in expected]


@SETTINGS
@given(data=scored_boxes(unique_scores=True), threshold=THRESHOLDS, offset=OFFSETS)
def test_nms_keeps_what_the_greedy_loop_keeps_in_its_order(ops, device, data, threshold, offset):
    check_nms(ops, device, data, threshold, offset)


@SETTINGS
@given(data=scored_boxes(), threshold=THRESHOLDS, offset=OFFSETS)
def test_nms_takes_equal_scores_by_index(our_ops, device, data, threshold, offset):
    check_nms(our_ops, device, data, threshold, offset)


def test_many_equal_scores_go_by_index(our_ops, device):
    # the compiled op sorts in any order from 17 boxes on
    boxes = torch.arange(100.0, device=device)[:, None] * 50 + torch.tensor([0, 0, 9, 9], device=device)
    _, kept = our_ops.nms(boxes, torch.full((100,), 0.5, device=device), 0.5)
    assert kept.tolist() == list(range(100))


def test_a_box_at_exactly_the_threshold_stays(ops, device):
    # IoU 3 / 10 in float32 lies above 0.3 in float64
    boxes = torch.tensor([[0.0, 0, 10, 1], [0, 0, 3, 1]], device=device)
    _, kept = ops.nms(boxes, torch.tensor([0.9, 0.8], device=device), 0.3)
    assert kept.tolist() == [0, 1]


def test_score_threshold_and_max_num_give_indices_into_the_input(ops, device):
    boxes = torch.arange(6.0, device=device)[:, None] * 50 + torch.tensor([0, 0, 9, 9], device=device)
    scores = torch.tensor([0.1, 0.9, 0.2, 0.8, 0.7, 0.05], device=device)
    _, kept = ops.nms(boxes, scores, 0.5, score_threshold=0.15, max_num=3)
    assert kept.tolist() == [1, 3, 4]


def test_nothing_in_nothing_out(ops, device):
    boxes, scores = torch.zeros(0, 4, device=device), torch.zeros(0, device=device)
    for dets, kept in (ops.nms(boxes, scores, 0.5), ops.nms(boxes, scores, 0.5, offset=1), ops.soft_nms(boxes, scores)):
        assert dets.shape == (0, 5)
        assert kept.shape == (0,)
        assert kept.dtype == torch.int64


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_keep_what_float32_keeps(our_ops, device, dtype):
    generator = torch.Generator().manual_seed(0)
    corner = torch.randint(0, 64, (50, 2), generator=generator)
    boxes = torch.cat([corner, corner + torch.randint(1, 64, (50, 2), generator=generator)], 1).to(device, dtype)
    scores = (torch.randperm(50, generator=generator) / 64).to(device, dtype)
    dets, kept = our_ops.nms(boxes, scores, 0.4, offset=1)
    assert kept.tolist() == our_ops.nms(boxes.float(), scores.float(), 0.4, offset=1)[1].tolist()
    assert dets.dtype == dtype


def test_float64_threshold_is_not_rounded(our_ops):
    boxes = np.array([[0.0, 0, 10, 1], [0, 0, 3, 1]])
    assert our_ops.nms(boxes, np.array([0.9, 0.8]), 0.3)[1].tolist() == [0, 1]
    assert our_ops.nms(boxes, np.array([0.9, 0.8]), 0.3 - 1e-12)[1].tolist() == [0]


@SETTINGS
@given(
    data=scored_boxes(min_side=1),
    threshold=st.sampled_from([0.3, 0.5, 1.0]),
    min_score=st.sampled_from([0.0, 0.05, 0.3]),
    method=st.sampled_from(METHODS),
    offset=OFFSETS,
)
def test_soft_nms_picks_and_lowers_like_the_loop(our_ops, data, threshold, min_score, method, offset):
    boxes, scores = data
    dets, kept = our_ops.soft_nms(np.float64(boxes), np.float64(scores), threshold, 0.5, min_score, method, offset)
    expected = reference_soft_nms(boxes, scores, threshold, 0.5, min_score, method, offset)
    assert kept.tolist() == [i for i, _ in expected]
    np.testing.assert_allclose(dets[:, 4], [score for _, score in expected], rtol=1e-12)
    np.testing.assert_array_equal(dets[:, :4], np.float64(boxes)[kept])


@pytest.mark.parametrize('method', ['naive', 'linear'])
def test_soft_nms_keeps_the_order_of_many_equal_scores(our_ops, method):
    generator = torch.Generator().manual_seed(0)
    corner = torch.randint(0, 30, (120, 2), generator=generator)
    boxes = torch.cat([corner, corner + torch.randint(1, 30, (120, 2), generator=generator)], 1).tolist()
    scores = (torch.randint(0, 8, (120,), generator=generator) / 8).tolist()
    _, kept = our_ops.soft_nms(np.float64(boxes), np.float64(scores), 0.3, 0.5, 0.1, method)
    assert kept.tolist() == [i for i, _ in reference_soft_nms(boxes, scores, 0.3, 0.5, 0.1, method, 0)]


def test_soft_nms_acts_at_exactly_the_threshold(ops, device):
    boxes = torch.tensor([[0.0, 0, 2, 1], [0, 0, 1, 1]], device=device)
    _, kept = ops.soft_nms(boxes, torch.tensor([0.9, 0.8], device=device), 0.5, method='naive')
    assert kept.tolist() == [0]


@pytest.mark.parametrize('method', METHODS)
def test_soft_nms_in_single_precision(ops, device, method):
    generator = torch.Generator().manual_seed(1)
    corner = torch.rand(80, 2, generator=generator) * 50
    boxes = torch.cat([corner, corner + 5 + torch.rand(80, 2, generator=generator) * 40], 1)
    scores = torch.rand(80, generator=generator)
    dets, kept = ops.soft_nms(boxes.to(device), scores.to(device), 0.3, 0.5, 0.05, method)
    expected = reference_soft_nms(boxes.double().numpy(), scores.double().numpy(), 0.3, 0.5, 0.05, method, 0)
    assert kept.tolist() == [i for i, _ in expected]
    torch.testing.assert_close(dets[:, 4].cpu(), torch.tensor([s for _, s in expected]).float(), rtol=1e-5, atol=1e-6)
    assert dets.device.type == kept.device.type == device


@pytest.mark.parametrize('method', METHODS)
def test_soft_nms_leaves_boxes_without_area_alone(our_ops, method):
    dets, kept = our_ops.soft_nms(torch.full((3, 4), 5.0), torch.tensor([0.5, 0.75, 0.25]), method=method)
    assert kept.tolist() == [1, 0, 2]
    assert dets[:, 4].tolist() == [0.75, 0.5, 0.25]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_soft_nms_in_half_precision_writes_half(our_ops, dtype):
    boxes = torch.tensor([[0.0, 0, 8, 8], [0, 0, 8, 4], [20, 20, 30, 30]], dtype=dtype)
    dets, kept = our_ops.soft_nms(boxes, torch.tensor([1.0, 0.5, 0.25], dtype=dtype), method='linear')
    assert dets.dtype == dtype
    assert kept.tolist() == [0, 1, 2]
    assert dets[:, 4].tolist() == [1.0, 0.25, 0.25]


@pytest.mark.parametrize('split_thr', [10000, 10])
@pytest.mark.parametrize('nms_type', ['nms', 'soft_nms'])
def test_batched_nms_is_nms_of_each_class(ops, device, nms_type, split_thr):
    generator = torch.Generator().manual_seed(2)
    corner = torch.randint(0, 40, (60, 2), generator=generator)
    boxes = torch.cat([corner, corner + torch.randint(4, 30, (60, 2), generator=generator)], 1).float().to(device)
    scores = ((torch.randperm(60, generator=generator) + 1) / 64).to(device)
    classes = torch.randint(0, 5, (60,), generator=generator).to(device)
    cfg = {'type': nms_type, 'iou_threshold': 0.3}
    dets, kept = ops.batched_nms(boxes, scores, classes, cfg | {'split_thr': split_thr})

    expected = []
    for c in range(5):
        index = (classes == c).nonzero()[:, 0]
        alone, chosen = getattr(ops, nms_type)(boxes[index], scores[index], iou_threshold=0.3)
        expected += zip(index[chosen].tolist(), alone[:, 4].tolist(), strict=True)
    expected.sort(key=lambda pair: -pair[1])
    assert [score for _, score in expected] == pytest.approx(dets[:, 4].tolist(), abs=1e-5)
    assert sorted(i for i, _ in expected) == sorted(kept.tolist())
    torch.testing.assert_close(dets[:, :4], boxes[kept])


def test_batched_nms_without_classes_is_nms(ops, device):
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 10, 10], [30, 30, 40, 40]], device=device)
    scores, classes = torch.tensor([0.5, 0.9, 0.4], device=device), torch.arange(3, device=device)
    _, kept = ops.batched_nms(boxes, scores, classes, {'type': 'nms', 'iou_threshold': 0.5}, class_agnostic=True)
    assert kept.tolist() == [1, 2]
