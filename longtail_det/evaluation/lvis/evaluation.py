"""Score the detections of a whole dataset: the counterpart of `evaluate_lvis_api` that walks no empty pairs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.annotations import find_sorted

from ..results import name_results
from .accumulation import best_of_class, count_objects
from .detections import Detections, detection_columns
from .ground_truth import GroundTruth
from .ground_truth_columns import ground_truth_table
from .match_table import MatchTable, match_table
from .parameters import METRICS, MODES
from .rle_column import RLEColumn
from .summary import summarize

#: detections that are matched at a time: enough to make Python's share small, few enough to keep memory flat
_CHUNK = 50_000


@dataclass(frozen=True, eq=False)
class ScoredDetections:
    """The detections of a dataset, matched.

    Args:
        gt: the objects, of the classes that are scored.
        image_rows: (I',) int64 ascending rows of the images that were looked at.
        metric: 'bbox', 'segm' or 'boundary'.
        matches: the detections that can count, ascending by image and class.
        records: (m,) int64, for each row of `matches` the number of the detection as it was given.
        detections: as they were given.
    """

    gt: GroundTruth
    image_rows: NDArray[np.int64]
    metric: str
    matches: MatchTable
    records: NDArray[np.int64]
    detections: Detections

    @cached_property
    def in_max_class_dets(self) -> NDArray[np.bool_]:
        """(m,) bool, among the 10 000 best of the class over all images; of equal scores the earlier one counts."""
        labels, counts = self.gt.find_classes(self.detections.category_ids)
        counts &= find_sorted(self.detections.image_ids, self.gt.image_ids[self.image_rows])[1]
        kept = np.zeros(len(counts), dtype=bool)
        kept[counts] = best_of_class(labels[counts], self.detections.scores[counts])
        return kept[self.records]

    @property
    def num_objects(self) -> NDArray[np.int64]:
        """(C,) int64 ground-truth objects of each class on the images that were looked at."""
        return count_objects(self.gt, self.image_rows)[:, 0]

    def results(self, mode: str = 'default', classwise: bool = False) -> dict[str, float]:
        """Average precision and recall, see `summarize`.

        Args:
            mode: 'default', 'fixed' or 'pool'.
            classwise: also give the AP of every class.
        """
        kept = self.matches.in_max_dets if mode == 'default' else self.in_max_class_dets
        return summarize(self.gt, self.image_rows, self.matches, kept, mode, classwise)


def match_detections(
    gt: GroundTruth,
    detections: Detections,
    metric: str,
    img_ids: Collection[int] | None = None,
    on_images: Callable[[int], object] | None = None,
) -> ScoredDetections:
    """Match the detections of a dataset with its objects.

    Args:
        gt: the objects.
        detections: in any order of images; of other images than `img_ids` or of unknown classes they do not count.
        metric: 'bbox', 'segm' or 'boundary'.
        img_ids: the images that were looked at; all of `gt` where None.
        on_images: is called with the number of images done, for a progress bar.

    Raises:
        ValueError: `img_ids`, or a detection, names an image that `gt` does not hold, or a mask is of another size than
            its image.
    """
    all_rows, known = find_sorted(detections.image_ids, gt.image_ids)
    if not known.all():
        gt.image_rows(np.unique(detections.image_ids[~known]).tolist())
    if metric != 'bbox':
        _require_sizes(gt, detections, all_rows)
    image_rows = np.sort(gt.image_rows(gt.image_ids.tolist() if img_ids is None else frozenset(img_ids)))
    seen = np.zeros(len(gt.image_ids), dtype=bool)
    seen[image_rows] = True
    order = np.flatnonzero(seen[all_rows])
    order = order[np.argsort(all_rows[order], kind='stable')]
    images = all_rows[order]
    tables, numbers, done = [], [], 0
    for rows, num_images in _chunks(images):
        # all columns but the images are gathered for a chunk at a time, which the processor's cache holds
        chunk = order[rows]
        labels, is_scored = gt.find_classes(detections.category_ids[chunk])
        areas = None if detections.areas is None else detections.areas[chunk]
        labels = np.where(is_scored, labels, -1)
        shapes = partial(_shapes, detections, metric, chunk)
        table = match_table(gt, images[rows], labels, detections.scores[chunk], shapes, metric, areas)
        tables.append(table)
        numbers.append(chunk[np.searchsorted(images[rows], table.images) + table.source])
        done += num_images
        if on_images is not None:
            on_images(num_images)
    if on_images is not None and done < len(image_rows):
        on_images(len(image_rows) - done)
    return ScoredDetections(gt, image_rows, metric, MatchTable.concatenate(tables), np.concatenate(numbers), detections)


def evaluate_detections(
    gt: GroundTruth | Mapping[str, Any],
    detections: Detections | Iterable[Mapping[str, Any]],
    metrics: Sequence[str] = ('bbox',),
    *,
    modes: Sequence[str] = ('default',),
    img_ids: Collection[int] | None = None,
    category_ids: Collection[int] | None = None,
    classwise: bool = False,
    on_images: Callable[[int], object] | None = None,
) -> dict[str, dict[str, float]]:
    """Score detections; nothing given is modified. Mode 'default' equals lvis-api 0.5.3 to the last bit.

    The federated rules of LVIS hold: a detection of a class that an image neither shows nor lists under
    `neg_category_ids` does not count, nor does an unmatched one of a class under `not_exhaustive_category_ids`. An
    image without these fields (COCO) is taken as completely annotated. APs, APm and APl of masks use the area of the
    mask, not that of a box beside it, unless `Detections.with_box_areas` says so.

    Args:
        gt: LVIS or COCO annotations as read from json, or the table of them.
        detections: result records, or the columns of them.
        metrics: of 'bbox', 'segm' and 'boundary' (the smaller overlap of mask and boundary; Cheng et al., CVPR 2021,
            arXiv:2103.16562).
        modes: of 'default' (the 300 best detections of an image), 'fixed' (the 10 000 best of a class over the data
            set, any number on an image; of equal scores the earlier ones) and 'pool' (those of 'fixed', ranked over
            all classes together; both Dave et al., 2021, arXiv:2102.01066).
        img_ids: the images that were looked at; all of `gt` where None.
        category_ids: the classes to score; all of `gt` where None.
        classwise: also give the AP of every class.
        on_images: is called with the number of images done, for a progress bar; once for all images and each metric.

    Returns:
        `{'bbox': {'AP': ...}, 'bbox_fixed': {...}, ...}`, see `summarize`; full precision.

    Raises:
        ValueError: an unknown metric or mode, a malformed record, an image that `gt` does not hold.
    """
    check_choice('metric', metrics, METRICS)
    check_choice('mode', modes, MODES)
    table = gt if isinstance(gt, GroundTruth) else ground_truth_table(gt, metrics)
    if category_ids is not None:
        table = table.select_classes(category_ids)
    columns = detections if isinstance(detections, Detections) else detection_columns(detections, metrics)
    scores = {}
    for metric in metrics:
        scored = match_detections(table, columns, metric, img_ids, on_images)
        for mode in modes:
            scores[metric, mode] = scored.results(mode, classwise)
    return name_results(scores)


def check_choice(key: str, given: Sequence[str], known: Sequence[str]) -> None:
    """Raise where a choice is unknown, or none is made.

    Args:
        key: 'metric' or 'mode', as the config has it.
        given: what was asked for.
        known: what there is.

    Raises:
        ValueError: naming the key and what it may be.
    """
    wrong = [choice for choice in given if choice not in known]
    if wrong or not given:
        what = repr(wrong[0]) if wrong else repr(list(given))
        raise ValueError(f'{key} {what} is not known; set val_evaluator.{key} to one or more of {list(known)}')


def _require_sizes(gt: GroundTruth, detections: Detections, image_rows: NDArray[np.int64]) -> None:
    masks = detections.masks
    assert masks is not None
    found = masks.sizes if isinstance(masks, RLEColumn) else np.array([mask['size'] for mask in masks]).reshape(-1, 2)
    wrong = np.flatnonzero((found != gt.image_sizes[image_rows]).any(axis=1))
    if len(wrong):
        row, (height, width) = wrong[0], gt.image_sizes[image_rows[wrong[0]]].tolist()
        raise ValueError(
            f'result record {row}: RLE of size {found[row].tolist()} on image {detections.image_ids[row]}, expected '
            f'[{height}, {width}] ({len(wrong)} of {len(found)} masks are of another size than their image)'
        )


def _shapes(detections: Detections, metric: str, chunk: NDArray[np.int64], rows: NDArray[np.int64]) -> Any:
    """Look up boxes or masks: few, since the class of most detections is not annotated on their image."""
    numbers = chunk[rows]
    if metric == 'bbox':
        assert detections.boxes is not None
        return detections.boxes[numbers]
    assert detections.masks is not None
    if isinstance(detections.masks, RLEColumn):
        return detections.masks.pick(numbers)
    return [detections.masks[number] for number in numbers.tolist()]


def _chunks(images: NDArray[np.int64]) -> Iterator[tuple[slice, int]]:
    """Yield slices of whole images and how many images these are; at least one slice, maybe empty."""
    starts = np.flatnonzero(np.diff(images, prepend=-1))
    first = 0
    while first < len(starts):
        last = int(np.searchsorted(starts, starts[first] + _CHUNK))
        stop = int(starts[last]) if last < len(starts) else len(images)
        yield slice(int(starts[first]), stop), last - first
        first = last
    if not len(starts):
        yield slice(0, 0), 0
