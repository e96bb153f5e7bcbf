"""AP of a run, of its classes, and on resamples of the images; kept in its folder beside the detections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.evaluation import is_defined, read_ground_truth, read_results, result_fields
from longtail_det.evaluation.diagnosis import ClassTable, ResampledAP, resample_detections
from longtail_det.evaluation.lvis import match_detections
from longtail_det.files import replacing

RESULTS, SCORES = 'results.json', 'scores.npz'
#: how a reader calls a metric
KINDS = {'box': 'bbox', 'mask': 'segm'}
GROUPS = ('', 'r', 'c', 'f')


@dataclass(frozen=True, eq=False)
class RunScores:
    """AP of the detections of a run.

    Args:
        values: of 'box' and, where the detector has masks, 'mask': (4,) AP, APr, APc, APf in [0, 1], -1 where there is
            nothing to find.
        resampled: of the same, AP of each class, on the same resamples of the images for every run.
        category_ids: (C,) int64 of the classes.
        objects: (C,) int64 objects to find.
    """

    values: Mapping[str, NDArray[np.float64]]
    resampled: Mapping[str, ResampledAP]
    category_ids: NDArray[np.int64]
    objects: NDArray[np.int64]

    def ap(self, kind: str, group: str = '') -> float | None:
        """Return the AP of 'box' or 'mask', of a group 'r', 'c' or 'f' or of all classes; None where undefined."""
        if kind not in self.values:
            return None
        value = float(self.values[kind][GROUPS.index(group)])
        return value if is_defined(value) else None

    def class_columns(self) -> ClassTable:
        """Return the classes without AP; nothing is known of their training images."""
        classes = self.resampled['box']
        assert classes.groups is not None, 'score_run wants the groups'
        return ClassTable(
            self.category_ids, classes.names, classes.groups, np.zeros_like(self.objects), self.objects, {}
        )


def kept_scores(folder: Path) -> RunScores | None:
    """Return the scores kept in the folder of a run; None where there are none, or of other detections.

    Args:
        folder: of the run.
    """
    try:
        with np.load(folder / SCORES) as kept:
            arrays = {name: kept[name] for name in kept.files}
        results = folder / RESULTS
        if results.is_file() and arrays['size'] != results.stat().st_size:
            return None
        kinds = [kind for kind in KINDS if f'{kind}_ap' in arrays]
        names, groups, images = tuple(arrays['names'].tolist()), arrays['groups'], arrays['images']
        resampled = {
            # written in half the size, which moves no digit that is shown
            kind: ResampledAP(
                arrays[f'{kind}_classes'], arrays[f'{kind}_resampled'].astype(float), names, groups, images, seed=0
            )
            for kind in kinds
        }
        values = {kind: arrays[f'{kind}_ap'] for kind in kinds}
        return RunScores(values, resampled, arrays['category_ids'], arrays['objects'])
    except (OSError, ValueError, KeyError):
        return None


def score_run(folder: Path, ann: str) -> None:
    """Compute the scores of the detections in the folder of a run, and keep them there.

    Args:
        folder: of the run.
        ann: annotation file of the tested images, with the frequency group of each class.

    Raises:
        FileNotFoundError: no detections.
        ValueError: the classes have no groups, or the detections are no results file.
    """
    path = folder / RESULTS
    kinds = dict(KINDS) if 'segmentation' in result_fields(path) else {'box': KINDS['box']}
    gt = read_ground_truth(ann, tuple(kinds.values()))
    if gt.groups is None:
        raise ValueError('the annotations of the tested images do not say which classes are rare; expected `frequency`')
    detections = read_results(str(path), list(kinds.values()))
    arrays: dict[str, Any] = {
        'size': path.stat().st_size,
        'category_ids': gt.category_ids,
        'names': np.array(gt.names),
        'groups': gt.groups,
    }
    for kind, metric in kinds.items():
        scored = match_detections(gt, detections, metric)
        values, resampled = scored.results(), resample_detections(scored)
        arrays |= {
            'objects': scored.num_objects,
            'images': resampled.images,
            f'{kind}_ap': np.array([values[f'AP{group}'] for group in GROUPS]),
            f'{kind}_classes': resampled.point,
            f'{kind}_resampled': resampled.resampled.astype(np.float32),
        }
    with replacing(folder / SCORES) as unfinished, unfinished.open('wb') as stream:
        np.savez_compressed(stream, **arrays)
