"""What the streaming metric keeps of an image: about 20 bytes for each detection that can count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.evaluation.lvis import GroundTruth, parameters
from longtail_det.evaluation.lvis.accumulation import best_of_class
from longtail_det.evaluation.lvis.match_table import MatchTable, match_table

from .predictions import Prediction

#: source of a detection that is no longer among the best of its class
_OUTRANKED = -1
#: for images of which nothing is ranked over the dataset; one for all, which are many
NOT_RANKED: dict[str, Any] = {}
#: detections without masks, their class indices, and the masks that can count by detection
WaitingImage = tuple[Prediction, NDArray[np.int64], Mapping[int, Any]]


@dataclass(frozen=True, eq=False, slots=True)
class ImageMatches:
    """One image, matched.

    Args:
        img_id: id of the image.
        matches: per metric a structured (m,) array with the columns of `MatchTable` that are still needed.
        ranked: per metric (labels, scores) of all detections of the image, in the order given, for the best of each
            class over the dataset; empty where no mode asks for them.
    """

    img_id: int
    matches: dict[str, NDArray[Any]]
    ranked: dict[str, tuple[NDArray[Any], NDArray[Any]]]


_COLUMNS = ('labels', 'scores', 'true_positives', 'false_positives')
#: what only the ranking over the dataset needs
_RANKING_COLUMNS = ('source', 'in_max_dets')


def match_images(
    gt: GroundTruth, waiting: Mapping[int, WaitingImage], metrics: Sequence[str], ranking: bool
) -> list[ImageMatches]:
    """Match the detections of some images with the ground truth, all together.

    Args:
        gt: the objects.
        waiting: by image row, in the order of the test run.
        metrics: of 'bbox', 'segm' and 'boundary'.
        ranking: whether detections will be ranked over the dataset.

    Returns:
        One entry per image, in the order of `waiting`.
    """
    rows = sorted(waiting)
    ascending = [waiting[row] for row in rows]
    images = np.repeat(np.array(rows), [len(labels) for _, labels, _ in ascending])
    all_labels = np.concatenate([labels for _, labels, _ in ascending])
    matches: dict[int, dict[str, Any]] = {row: {} for row in rows}
    for metric in metrics:
        scores = np.concatenate([_scores(found, metric) for found, _, _ in ascending])
        if metric == 'bbox':
            shapes: Any = np.concatenate([found.boxes for found, _, _ in ascending]).__getitem__
        else:
            shapes = partial(_masks, [(masks, len(labels)) for _, labels, masks in ascending])
        table = match_table(gt, images, all_labels, scores, shapes, metric)
        for row, part in zip(rows, split_by_image(table, rows, ranking), strict=True):
            matches[row][metric] = part
    label_type = np.min_scalar_type(-gt.num_classes)
    results = []
    for row, (found, labels, _) in waiting.items():
        small = labels.astype(label_type)
        ranked = {metric: (small, _scores(found, metric)) for metric in metrics} if ranking else NOT_RANKED
        results.append(ImageMatches(found.img_id, matches[row], ranked))
    return results


def _scores(found: Prediction, metric: str) -> NDArray[Any]:
    return found.scores if metric == 'bbox' else found.mask_scores


def _masks(images: Sequence[tuple[Mapping[int, Any], int]], rows: NDArray[np.int64]) -> list[Any]:
    """Look up the masks of some detections, counted over all images."""
    masks = [masks.get(number) for masks, count in images for number in range(count)]
    return [masks[row] for row in rows.tolist()]


def split_by_image(table: MatchTable, image_rows: Sequence[int], ranking: bool) -> list[NDArray[Any]]:
    """Return a table as one array per image.

    Args:
        table: ascending by image.
        image_rows: ascending; those without a detection give an empty array.
        ranking: whether detections will be ranked over the dataset; else those beyond the limit of an image are left
            out.
    """
    table = table if ranking else table.select(table.in_max_dets)
    columns = [(name, getattr(table, name)) for name in _COLUMNS + _RANKING_COLUMNS * ranking]
    packed = np.empty(len(table), dtype=[(name, column.dtype, column.shape[1:]) for name, column in columns])
    for name, column in columns:
        packed[name] = column
    rows = np.asarray(image_rows, dtype=table.images.dtype)
    starts, stops = np.searchsorted(table.images, rows), np.searchsorted(table.images, rows, 'right')
    # copies, or each would keep the whole alive
    return [packed[start:stop].copy() for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]


def merge_images(images: Sequence[ImageMatches], image_rows: NDArray[np.int64], metric: str) -> MatchTable:
    """Join what was kept of all images.

    Args:
        images: ascending by row.
        image_rows: (I,) their rows.
        metric: which.
    """
    parts = [image.matches[metric] for image in images]
    packed = np.concatenate(parts)
    is_ranking = 'source' in packed.dtype.names
    none: Any = np.broadcast_to(np.int32(-1), len(packed))
    yes: Any = np.broadcast_to(np.True_, len(packed))
    return MatchTable(
        images=np.repeat(
            image_rows.astype(np.min_scalar_type(-1 - int(image_rows[-1]))), [len(part) for part in parts]
        ),
        matched_gt=none,
        source=packed['source'] if is_ranking else none,
        in_max_dets=packed['in_max_dets'] if is_ranking else yes,
        **{name: packed[name] for name in _COLUMNS},
    )


def in_max_class_dets(
    images: Sequence[ImageMatches],
    seen: Sequence[ImageMatches],
    table: MatchTable,
    metric: str,
    max_dets: int | None = None,
) -> NDArray[np.bool_]:
    """Select the rows of a merged table that are among the best of their class over all images.

    Args:
        images: ascending by row.
        seen: the same images in the order in which they came: of equal scores the earlier one counts.
        table: what `merge_images` made of `images`.
        metric: which.
        max_dets: how many of a class count; `MAX_CLASS_DETS` where None.

    Returns:
        (m,) bool.
    """
    parts = [image.ranked[metric] for image in seen]
    labels, scores = (np.concatenate([part[i] for part in parts]) for i in range(2))
    kept = best_of_class(labels, scores, max_dets)
    stops = np.cumsum([len(part[0]) for part in parts]).tolist()
    starts = dict(zip((image.img_id for image in seen), [0, *stops], strict=False))
    first = [starts[image.img_id] for image in images]
    place = np.repeat(first, [len(image.matches[metric]) for image in images]) + table.source
    return kept[place] & (table.source != _OUTRANKED)


def drop_outranked(images: Iterable[ImageMatches], num_classes: int, max_dets: int | None = None) -> list[ImageMatches]:
    """Forget detections that cannot be among the best of their class any more; what counts stays as it is.

    Args:
        images: any part of the dataset, each image once.
        num_classes: number of classes C.
        max_dets: how many of a class count; `MAX_CLASS_DETS` where None.
    """
    images, max_dets = list(images), parameters.MAX_CLASS_DETS if max_dets is None else max_dets
    for metric in images[0].ranked if images else ():
        parts = [image.ranked[metric] for image in images]
        labels, scores = (np.concatenate([part[i] for part in parts]) for i in range(2))
        lowest = np.full(num_classes, -np.inf, dtype=scores.dtype)
        for label in np.flatnonzero(np.bincount(labels, minlength=num_classes) > max_dets):
            of_class = scores[labels == label]
            lowest[label] = np.partition(of_class, len(of_class) - max_dets)[len(of_class) - max_dets]
        for image in images:
            _drop_below(image, metric, lowest)
    return images


def _drop_below(image: ImageMatches, metric: str, lowest: NDArray[Any]) -> None:
    labels, scores = image.ranked[metric]
    kept = scores >= lowest[labels]
    if not kept.all():
        image.ranked[metric] = labels[kept], scores[kept]
        matches = image.matches[metric]
        ranked = matches['source'] != _OUTRANKED
        source = matches['source'][ranked]
        matches['source'][ranked] = np.where(kept[source], np.cumsum(kept)[source] - 1, _OUTRANKED)
