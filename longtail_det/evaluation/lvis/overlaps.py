"""Overlaps of detections with the objects of their image and class: boxes, masks, boundaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray

from .boundary import boundary_rle
from .ground_truth import GroundTruth
from .matching import Edges
from .parameters import IOU_THRESHOLDS

Block = tuple[slice, slice]
_LOWEST = IOU_THRESHOLDS[0]


def box_edges(gt: GroundTruth, pairs: NDArray[np.int64], boxes: NDArray[np.float64]) -> Edges:
    """Overlaps of boxes.

    Args:
        gt: the objects.
        pairs: (n,) int64 ascending pair of each detection.
        boxes: (n, 4) float64 x, y, width, height, pixels.
    """

    def overlaps(found: slice, objects: slice) -> NDArray[np.float64]:
        return _iou(boxes[found], gt.boxes[objects])

    # one call for an image: boxes of other classes are cheaper than a call for each class
    return _edges(_blocks(pairs // gt.num_classes, gt.object_images), overlaps, pairs, gt.pairs)


def mask_edges(gt: GroundTruth, pairs: NDArray[np.int64], rles: Sequence[Any], *, boundary: bool = False) -> Edges:
    """Overlaps of masks, or the smaller one of mask and boundary overlap (Cheng et al., CVPR 2021, arXiv:2103.16562).

    Args:
        gt: the objects.
        pairs: (n,) int64 ascending pair of each detection.
        rles: n compressed RLEs.
        boundary: whether the overlap of the boundaries counts too.
    """

    def overlaps(found: slice, objects: slice) -> NDArray[np.float64]:
        detected = list(rles[found])
        truth = [gt.rle(row) for row in range(objects.start, objects.stop)]
        iou = _iou(detected, truth)
        return _with_boundary(iou, detected, truth) if boundary else iou

    return _edges(_blocks(pairs, gt.pairs), overlaps, pairs, gt.pairs)


def _iou(found: Any, objects: Any) -> NDArray[np.float64]:
    # the C code of pycocotools for boxes too: on ARM it may round otherwise than numpy
    return mask_utils.iou(found, objects, [0] * len(objects))


def _with_boundary(iou: NDArray[np.float64], detected: Sequence[Any], truth: Sequence[Any]) -> NDArray[np.float64]:
    """Select the smaller overlap, where that of the masks is enough to be looked at."""
    rows, columns = np.nonzero(iou >= _LOWEST)
    if not len(rows):
        return iou
    used, of_edge = np.unique(rows, return_inverse=True)
    wanted, of_object = np.unique(columns, return_inverse=True)
    boundary = _iou([boundary_rle(detected[row]) for row in used], [boundary_rle(truth[row]) for row in wanted])
    smaller = np.zeros_like(iou)
    smaller[rows, columns] = np.minimum(iou[rows, columns], boundary[of_edge, of_object])
    return smaller


def _blocks(found: NDArray[np.int64], objects: NDArray[np.int64]) -> Iterator[Block]:
    """Yield the slices of detections and objects that share an ascending key."""
    starts = np.flatnonzero(np.diff(found, prepend=-1))
    stops = np.append(starts, len(found))[1:]
    low, high = np.searchsorted(objects, found[starts], 'left'), np.searchsorted(objects, found[starts], 'right')
    some = high > low
    for start, stop, first, last in np.stack([starts, stops, low, high], axis=1)[some].tolist():
        yield slice(start, stop), slice(first, last)


def _edges(
    blocks: Iterator[Block],
    overlaps: Callable[[slice, slice], NDArray[np.float64]],
    pairs: NDArray[np.int64],
    object_pairs: NDArray[np.int64],
) -> Edges:
    starts, shapes, ious = [], [], [np.zeros(0)]
    for found, there in blocks:
        starts.append((found.start, there.start))
        iou = overlaps(found, there)
        shapes.append(iou.shape)
        ious.append(iou.ravel())
    # all blocks are looked at together: several numpy calls for each would take longer than the overlaps
    flat = np.concatenate(ious)
    places = np.flatnonzero(flat >= _LOWEST)
    iou = flat[places]
    ends = np.cumsum([rows * columns for rows, columns in shapes], dtype=np.int64)
    block = np.searchsorted(ends, places, side='right')
    rows, columns = np.array(shapes, dtype=np.int64).reshape(-1, 2)[block].T
    first_row, first_column = np.array(starts, dtype=np.int64).reshape(-1, 2)[block].T
    within = places - (ends[block] - rows * columns)
    detection, obj = first_row + within // columns, first_column + within % columns
    same = pairs[detection] == object_pairs[obj]
    return Edges(detection[same], obj[same], iou[same])
