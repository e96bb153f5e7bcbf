from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtail_det.evaluation.lvis.flags import pack_flags, packed_flag
from longtail_det.evaluation.lvis.matching import Edges, assign, outside_area
from longtail_det.evaluation.lvis.parameters import IOU_THRESHOLDS


def literal(iou: np.ndarray, ignored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One pair, one area range: object that each detection takes at each threshold, -1 for none."""
    num_found, num_objects = iou.shape
    order = np.argsort(ignored, kind='stable')
    taken_by = np.full((num_found, len(IOU_THRESHOLDS)), -1)
    for t, threshold in enumerate(IOU_THRESHOLDS):
        free = set(range(num_objects))
        for d in range(num_found):
            best, choice = threshold, -1
            for g in order:
                if g not in free:
                    continue
                if choice >= 0 and not ignored[choice] and ignored[g]:
                    break
                if iou[d, g] >= best:
                    best, choice = iou[d, g], g
            if choice >= 0:
                free.remove(choice)
                taken_by[d, t] = choice
    return taken_by, (taken_by >= 0) & ignored[taken_by]


def unpacked(flags: np.ndarray, area: int) -> np.ndarray:
    """(n, T) bool."""
    packed = pack_flags(flags)
    return np.stack([packed_flag(packed, area, t) for t in range(len(IOU_THRESHOLDS))], axis=1)


@given(seed=st.integers(0, 10**6), num_pairs=st.integers(1, 4))
def test_it_equals_a_loop_over_detections_and_objects(seed, num_pairs):
    """Overlaps from a coarse grid, so that there are ties; areas that ignore other objects each."""
    rng = np.random.default_rng(seed)
    found, objects = rng.integers(0, 7, (2, num_pairs))
    ignored = rng.random((objects.sum(), 4)) < 0.3
    ious = [rng.choice([0.0, 0.5, 0.6, 0.75, 0.9, 1.0], (n, m)) for n, m in zip(found, objects, strict=True)]
    first_found, first_object = np.cumsum(found) - found, np.cumsum(objects) - objects
    edges = []
    for p, iou in enumerate(ious):
        rows, columns = np.nonzero(iou >= 0.5)
        edges.append((rows + first_found[p], columns + first_object[p], iou[rows, columns]))
    edge_table = Edges(*(np.concatenate(column) for column in zip(*edges, strict=True)))
    shuffled = rng.permutation(len(edge_table.iou))
    pairs = np.repeat(np.arange(num_pairs), found)
    result = assign(Edges(*(column[shuffled] for column in edge_table)), pairs, ignored, len(ignored))
    for p, iou in enumerate(ious):
        rows = slice(first_found[p], first_found[p] + found[p])
        for area in range(4):
            of_pair = ignored[first_object[p] : first_object[p] + objects[p], area]
            taken_by, to_ignored = literal(iou, of_pair) if objects[p] else (np.full((found[p], 10), -1), False)
            np.testing.assert_array_equal(unpacked(result.matched[rows], area), taken_by >= 0)
            expected = np.broadcast_to(to_ignored, taken_by.shape)
            np.testing.assert_array_equal(unpacked(result.to_ignored[rows], area), expected)
            if not area:
                expected = np.where(taken_by[:, 0] < 0, -1, taken_by[:, 0] + first_object[p])
                np.testing.assert_array_equal(result.matched_gt[rows], expected)


def test_both_ends_of_an_area_range_are_inside():
    inside = ~outside_area(np.array([1024.0, 9216.0, 1e10, 1.1e10]))
    np.testing.assert_array_equal(inside, [[1, 1, 1, 0], [1, 0, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]])
