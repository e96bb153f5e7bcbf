"""multiclass_nms gives mmdet's boxes, scores, labels and indices bit by bit; multiclass_nms_of up to rounding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmdet.models.layers import multiclass_nms as mmdet_multiclass_nms

from longtail_det.functional.ops import nms as functional_nms
from longtail_det.models.layers import is_plain_nms, multiclass_nms, multiclass_nms_of

SETTINGS = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
PLAIN = dict(type='nms', iou_threshold=0.5)


@pytest.fixture
def small_steps(monkeypatch):
    """Few candidates at first and a small sample, so that small inputs go through every branch."""
    monkeypatch.setattr(functional_nms, '_FEWEST', 1)
    monkeypatch.setattr(functional_nms, '_AHEAD', 1)
    monkeypatch.setattr(functional_nms, '_SAMPLE', 64)


def make_input(seed, num_rois, num_classes, specific, *, levels=None, grid=None, low=0.0):
    """Random boxes and scores; `levels` scores and a `grid` of coordinates make ties, `low` coordinates may be < 0."""
    generator = torch.Generator().manual_seed(seed)
    columns = num_classes if specific else 1
    corners = low + 60 * torch.rand(num_rois, columns, 2, generator=generator)
    boxes = torch.cat([corners, corners + 40 * torch.rand(num_rois, columns, 2, generator=generator)], dim=2)
    # distinct: mmcv leaves the order of equal scores open where it runs class by class
    scores = torch.randperm(num_rois * (num_classes + 1), generator=generator).view(num_rois, num_classes + 1)
    scores = ((scores + 1) / (scores.numel() + 1)) ** 3
    if grid:
        boxes = (boxes / grid).round() * grid
    if levels:
        scores = (scores * levels).round() / levels
    return boxes.flatten(1), scores


def assert_equal(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def compare(*arguments, ties=False):
    ours, short = multiclass_nms(*arguments, return_inds=True), multiclass_nms(*arguments)
    with pytest.MonkeyPatch.context() as patch:
        if ties:
            sort = torch.Tensor.sort
            patch.setattr(torch.Tensor, 'sort', lambda self, **kwargs: sort(self, stable=True, **kwargs))
        theirs = mmdet_multiclass_nms(*arguments, return_inds=True)
    assert_equal(ours, theirs)
    assert_equal(short, theirs[:2])
    return ours


@SETTINGS
@given(
    seed=st.integers(0, 10**6),
    num_rois=st.integers(1, 40),
    num_classes=st.integers(1, 30),
    specific=st.booleans(),
    levels=st.sampled_from([None, 1, 4, 64]),
    grid=st.sampled_from([None, 5.0, 20.0]),
    low=st.sampled_from([0.0, -50.0]),
    thr=st.sampled_from([-1.0, 0.0, 0.05, 0.5, 2.0]),
    iou=st.sampled_from([0.0, 1 / 3, 0.5, 1.0]),
    split_thr=st.sampled_from([1, 50, 10000]),
    agnostic=st.booleans(),
    max_num=st.sampled_from([-1, 1, 5, 100, 3000]),
    factors=st.booleans(),
)
def test_it_is_mmdets_bit_by_bit(
    small_steps,
    seed,
    num_rois,
    num_classes,
    specific,
    levels,
    grid,
    low,
    thr,
    iou,
    split_thr,
    agnostic,
    max_num,
    factors,
):
    boxes, scores = make_input(seed, num_rois, num_classes, specific, levels=levels, grid=grid, low=low)
    cfg = dict(type='nms', iou_threshold=iou, split_thr=split_thr, class_agnostic=agnostic)
    weights = torch.rand(num_rois, generator=torch.Generator().manual_seed(seed)) if factors else None
    compare(boxes, scores, thr, cfg, max_num, weights, ties=levels is not None and max_num > 0)


@pytest.mark.parametrize('specific', [False, True])
@pytest.mark.parametrize('thr', [1e-4, 0.3])
def test_default_steps_and_split(specific, thr):
    """Above and below mmcv's default of 10000 candidates, with the sample that guesses a floor in use."""
    boxes, scores = make_input(0, 60, 200, specific)
    _, labels, _ = compare(boxes, scores, thr, PLAIN, 100)
    assert len(labels) == 100


@pytest.mark.parametrize('specific', [False, True])
def test_a_thousand_copies_of_a_box_make_it_look_further(specific):
    boxes, scores = make_input(0, 400, 40, False)
    boxes[:390] = boxes[0]
    boxes = boxes.repeat(1, 40 if specific else 1)
    _, _, inds = compare(boxes, scores, 0.0, PLAIN, 300)
    assert len(inds) == 300
    assert inds.max() > 390 * 40, 'nothing else was looked at'


@pytest.mark.parametrize('max_num', [1, 50, 5000])
def test_one_score_for_all(max_num):
    """Equal scores go by RoI, then class."""
    boxes, _ = make_input(0, 300, 40, False)
    scores = torch.full((300, 41), 0.25)
    _, labels, inds = compare(boxes, scores, 0.0, PLAIN, max_num, ties=True)
    assert (inds.diff() > 0).all()
    assert (labels == inds % 40).all()


@pytest.mark.parametrize('specific', [False, True])
@pytest.mark.parametrize('what', ['no score above', 'all NaN', 'some NaN', 'NaN factors', 'NaN boxes', 'half'])
def test_odd_values(small_steps, specific, what):
    boxes, scores = make_input(0, 12, 9, specific)
    factors, thr = None, 0.01
    if what == 'no score above':
        thr = 2.0
    elif what == 'all NaN':
        scores[:] = torch.nan
    elif what == 'some NaN':
        scores[::2, ::3] = torch.nan
    elif what == 'NaN factors':
        factors = torch.ones(12)
        factors[5] = torch.nan
    elif what == 'NaN boxes':
        boxes[3] = torch.nan
    else:
        scores = scores.half()
    for max_num in (4, 100):
        compare(boxes, scores, thr, PLAIN, max_num, factors, ties=True)


@pytest.mark.parametrize('columns', [1, 5])
@pytest.mark.parametrize('max_num', [10, -1])
def test_no_roi(columns, max_num):
    boxes, scores = torch.zeros(0, 4 * columns), torch.zeros(0, 6)
    if columns > 1 and max_num < 0:
        return  # mmdet itself cannot do it
    dets, labels, inds = multiclass_nms(boxes, scores, 0.1, PLAIN, max_num, return_inds=True)
    assert dets.shape == (0, 5)
    assert labels.shape == inds.shape == (0,)
    assert labels.dtype == inds.dtype == torch.long


@pytest.mark.parametrize(
    ('cfg', 'max_num'),
    [
        (dict(type='soft_nms', iou_threshold=0.5, min_score=0.05), 20),
        (dict(type='nms', iou_threshold=0.5, max_num=7), 20),
        (dict(type='nms', iou_threshold=0.5, score_threshold=0.4), 20),
        (dict(type='nms', iou_threshold=0.5, offset=1), 20),
        (PLAIN, -1),
        (PLAIN, 0),
        (None, 20),
    ],
)
def test_everything_else_is_mmdets(cfg, max_num):
    assert not is_plain_nms(cfg, max_num)
    compare(*make_input(0, 15, 6, True), 0.05, cfg, max_num)


def test_mistakes_are_mmdets():
    boxes, scores = make_input(0, 5, 6, True)
    with pytest.raises(TypeError, match='iou_threshold'):
        multiclass_nms(boxes, scores, 0.05, dict(type='nms'), 20)


@SETTINGS
@given(
    seed=st.integers(0, 10**6),
    num_rois=st.integers(0, 40),
    num_classes=st.integers(1, 30),
    levels=st.sampled_from([None, 4]),
    thr=st.sampled_from([0.0, 0.05, 0.5, 2.0]),
    max_num=st.sampled_from([1, 5, 100, 3000]),
    factors=st.booleans(),
)
def test_boxes_on_demand_give_the_same(small_steps, seed, num_rois, num_classes, levels, thr, max_num, factors):
    """On a grid of whole pixels both shifts are exact, so here even rounding is the same."""
    boxes, scores = make_input(seed, num_rois, num_classes, True, levels=levels, grid=5.0)
    table = boxes.view(num_rois, num_classes, 4)
    weights = torch.rand(num_rois, generator=torch.Generator().manual_seed(seed)) if factors else None
    asked = []

    def boxes_of(rows, labels):
        asked.append(len(rows))
        return table[rows, labels]

    ours = multiclass_nms_of(boxes_of, scores, thr, PLAIN, max_num, weights, return_inds=True)
    assert_equal(ours, multiclass_nms(boxes, scores, thr, PLAIN, max_num, weights, return_inds=True))
    assert asked[0] <= max_num


def test_boxes_on_demand_are_few():
    boxes, scores = make_input(0, 200, 700, True)
    table, asked = boxes.view(200, 700, 4), []
    multiclass_nms_of(lambda n, c: (asked.append(len(n)), table[n, c])[1], scores, 1e-4, PLAIN, 100)
    assert asked == [1024]


def test_boxes_on_demand_of_distant_classes_keep_their_fractions():
    """Half a pixel decides; where mmdet's shift leaves even numbers only it suppresses the wrong boxes."""
    boxes = torch.tensor([[0.0, 0, 2.5, 2.5], [1.0, 0, 3.5, 2.5]]).repeat(1, 13204)  # IoU 3.75 / 8.75
    scores = torch.zeros(2, 13205)
    scores[:, 13000] = torch.tensor([0.9, 0.8])
    scores[0, 0] = 0.5
    boxes[0, :4] = torch.tensor([0.0, 0, 1333, 1333])
    table = boxes.view(2, 13204, 4)
    cfg = dict(type='nms', iou_threshold=0.45)
    _, labels = multiclass_nms_of(lambda n, c: table[n, c], scores, 0.1, cfg, 10)
    assert labels.tolist() == [13000, 13000, 0]


@pytest.mark.parametrize('cfg', [dict(type='soft_nms', iou_threshold=0.5), dict(PLAIN, class_agnostic=True)])
def test_boxes_on_demand_need_plain_nms(cfg):
    with pytest.raises(ValueError, match='plain NMS within classes'):
        multiclass_nms_of(lambda n, c: None, torch.zeros(1, 3), 0.1, cfg, 10)
