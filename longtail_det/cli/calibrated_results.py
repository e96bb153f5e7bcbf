"""Correct the scores of a results json by class counts, record by record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from longtail_det import calibration
from longtail_det.annotations import BadRecords, count_file, find_rows, read_annotation_file
from longtail_det.calibration import CountCalibration
from longtail_det.evaluation import read_records, read_results
from longtail_det.files import replacing
from longtail_det.losses import ScoreParts

#: scores that are corrected together, with those that are not there
_BLOCK = 2**22
_REFUSED = {
    'IIF': 'iif multiplies logits, and a score of a softmax does not say what its logits were',
    'LogN': 'logn needs mean and variance of the logits of training RoIs, which neither file holds',
}


def write_calibrated(results: str, counts: str, wanted: Mapping[str, Any], out: str) -> int:
    """Write a results json with corrected scores; everything else in the records stays.

    Args:
        results: results json of any detector.
        counts: annotation file of its training set.
        wanted: config of the calibration.
        out: file to write.

    Returns:
        Number of records.

    Raises:
        ValueError: a method that needs more than scores and counts, or a file that cannot be used.
    """
    if wanted['type'] in _REFUSED:
        raise ValueError(
            f'--results: {_REFUSED[wanted["type"]]}; use norcal, logit-adjustment or fracal, or give CONFIG CHECKPOINT'
        )
    if Path(out).resolve() in (Path(results).resolve(), Path(counts).resolve()):
        raise ValueError(f'--out {out} is one of the files to read; choose another name')
    found = read_results(results, ())
    bad = BadRecords(counts)
    file = read_annotation_file(counts, bad, masks=False, show_progress=True)
    bad.settle('skip')
    labels = find_rows(found.category_ids, file.category_ids)
    if (labels < 0).any():
        category = found.category_ids[labels < 0][0]
        raise ValueError(f'{results} holds category {category}, which is not among the categories of {counts}')
    arguments = {key: value for key, value in wanted.items() if key != 'type'}
    kind = getattr(calibration, wanted['type'])
    method = kind(num_classes=len(file.categories), class_statistics=count_file(file), **arguments)
    scores = calibrate_scores(found.scores, labels, method)
    with replacing(Path(out)) as unfinished, unfinished.open('w') as target:
        target.write('[')
        for index, record in enumerate(read_records(results)):
            target.write(',\n' if index else '\n')
            json.dump({**record, 'score': float(scores[index])}, target)
        target.write('\n]\n')
    return len(scores)


def calibrate_scores(
    scores: NDArray[np.float64], labels: NDArray[np.intp], method: CountCalibration
) -> NDArray[np.float64]:
    """Return corrected scores of detections whose other classes are not known: each class stands alone.

    Args:
        scores: (n,) in [0, 1].
        labels: (n,) class of each.
        method: the calibration.

    Returns:
        (n,) scores in [0, 1].

    Raises:
        ValueError: a score outside [0, 1].
    """
    if len(scores) and not (scores.min() >= 0 and scores.max() <= 1):
        raise ValueError(f'scores from {scores.min():g} to {scores.max():g}; a calibration needs probabilities')
    # the k-th detection of each class makes row k of a table with a column per class
    order = np.argsort(labels, kind='stable')
    row = np.empty(len(labels), dtype=np.int64)
    row[order] = np.arange(len(labels)) - np.searchsorted(labels[order], labels[order])
    corrected = np.empty_like(scores)
    rows = max(1, _BLOCK // method.num_classes)
    for first in range(0, int(row.max(initial=-1)) + 1, rows):
        chosen = np.flatnonzero((first <= row) & (row < first + rows))
        place = (torch.from_numpy(row[chosen] - first), torch.from_numpy(labels[chosen]))
        table = torch.zeros(rows, method.num_classes + 1, dtype=torch.float64)
        table[place] = torch.from_numpy(scores[chosen])
        corrected[chosen] = method(ScoreParts.of_probabilities(table))[place].numpy()
    return corrected
