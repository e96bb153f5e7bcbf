"""AP of a run, of its classes, and on resamples of the images; kept in its folder beside the detections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.evaluation import GroundTruth, is_defined, read_results
from longtail_det.evaluation.diagnosis import ClassTable, class_ap
from longtail_det.evaluation.lvis import ScoredDetections, match_detections
from longtail_det.files import replacing

RESULTS, SCORES = 'results.json', 'scores.npz'
#: how a reader calls a metric
KINDS = {'box': 'bbox', 'mask': 'segm'}
GROUPS = ('', 'r', 'c', 'f')
RESAMPLES = 1000


class RunScores:
    """AP of the detections of a run.

    Args:
        arrays: for 'box' and 'mask': `{kind}_ap` (4,) AP, APr, APc, APf in [0, 1], NaN where there is nothing to find;
            `{kind}_classes` (C,); `{kind}_resamples` (R, 4), on the same resamples of the images for every run. Of the
            classes `category_ids`, `names`, `groups`, `objects`, all (C,).
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = arrays

    def ap(self, kind: str, group: str = '') -> float | None:
        """Return the AP of 'box' or 'mask', of a group 'r', 'c' or 'f' or of all classes; None where undefined."""
        value = float(self.arrays[f'{kind}_ap'][GROUPS.index(group)])
        return value if is_defined(value) else None

    def classes(self, kind: str) -> NDArray[np.float64]:
        """Return (C,) AP of each class."""
        return self.arrays[f'{kind}_classes']

    def resamples(self, kind: str) -> NDArray[np.float64]:
        """Return (R, 4) AP, APr, APc, APf of each resample."""
        return self.arrays[f'{kind}_resamples']

    def class_columns(self) -> ClassTable:
        """Return the classes without AP; nothing is known of their training images."""
        ids, names, groups, objects = (self.arrays[key] for key in ('category_ids', 'names', 'groups', 'objects'))
        return ClassTable(ids, tuple(names.tolist()), groups, np.zeros_like(objects), objects, {})


def kept_scores(folder: Path) -> RunScores | None:
    """Return the scores kept in the folder of a run; None where there are none, or of other detections.

    Args:
        folder: of the run.
    """
    try:
        with np.load(folder / SCORES) as kept:
            arrays = {name: kept[name] for name in kept.files}
    except (OSError, ValueError):
        return None
    results = folder / RESULTS
    fits = not results.is_file() or arrays.pop('size', None) == results.stat().st_size
    return RunScores(arrays) if fits else None


def score_run(folder: Path, gt: GroundTruth) -> RunScores:
    """Compute the scores of the detections in the folder of a run, and keep them there.

    Args:
        folder: of the run.
        gt: the objects, with the frequency group of each class.

    Raises:
        FileNotFoundError: no detections.
        ValueError: the classes have no groups, or the detections are no results file.
    """
    path = folder / RESULTS
    if gt.groups is None:
        raise ValueError('the annotations of the tested images do not say which classes are rare; expected `frequency`')
    detections = read_results(str(path), list(KINDS.values()))
    arrays: dict[str, NDArray[Any]] = {
        'category_ids': gt.category_ids,
        'names': np.array(gt.names),
        'groups': np.asarray(gt.groups),
        'size': np.array(path.stat().st_size),
    }
    for kind, metric in KINDS.items():
        scored = match_detections(gt, detections, metric)
        values = scored.results(classwise=True)
        arrays['objects'] = scored.num_objects
        arrays[f'{kind}_ap'] = np.array([values[f'AP{group}'] for group in GROUPS])
        arrays[f'{kind}_classes'] = class_ap(values, gt.names)
        arrays[f'{kind}_resamples'] = _resampled(scored)
    with replacing(folder / SCORES) as unfinished, unfinished.open('wb') as stream:
        np.savez_compressed(stream, **arrays)
    return RunScores(arrays)


def _resampled(scored: ScoredDetections) -> NDArray[np.float64]:
    from longtail_det.evaluation.diagnosis.resampled_ap import weighted_class_ap
    from longtail_det.statistics.bootstrap import bootstrap_weights

    weights = bootstrap_weights(len(scored.image_rows), RESAMPLES)
    ap = weighted_class_ap(scored.gt, scored.image_rows, scored.matches, scored.matches.in_max_dets, weights)
    masks = [np.ones(ap.shape[1], bool), *(scored.gt.groups == g for g in 'rcf')]
    return np.stack([np.nanmean(ap[:, mask], axis=1) for mask in masks], axis=1)
