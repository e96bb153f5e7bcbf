"""The predictions of some runs, matched with the objects of the tested images: what a report shows by class."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from longtail_det.annotations import BadRecords, category_image_counts, read_categories
from longtail_det.evaluation.diagnosis import (
    ClassTable,
    Confusion,
    ErrorTypes,
    OptimalLRP,
    Outcome,
    Reliability,
    ResampledAP,
    class_ap,
    confusion,
    detection_outcomes,
    error_types,
    interval_results,
    object_overlaps,
    optimal_lrp,
    reliability,
    resample_detections,
)
from longtail_det.evaluation.lvis import GroundTruth, ScoredDetections, match_detections
from longtail_det.statistics import FREQUENCY_GROUPS, ClassStatistics, Interval

from .run_directory import DataSource, Results
from .run_predictions import RunPredictions, read_run_predictions


class Details:
    """The predictions of the runs, matched with the objects of the tested images.

    Args:
        tested: the tested data.
        file_gt: their objects, with all categories of the file.
        stats: of the training set; None where only the categories of the tested data tell of it.
        metrics: of 'bbox' and 'segm'; what is scored.
        intervals: resamples of the images for the intervals; 0 for none.
    """

    def __init__(
        self,
        tested: DataSource,
        file_gt: GroundTruth,
        stats: ClassStatistics | None,
        metrics: Sequence[str],
        intervals: int = 0,
    ) -> None:
        self.tested = tested
        self.file_gt = file_gt
        self.metrics = metrics
        self.train_images, self.gt = None, file_gt
        if stats is None:
            self.train_images = category_image_counts(read_categories(tested.ann_file, BadRecords(tested.ann_file)))
        else:
            # the training set may not know all of the tested classes
            with suppress(ValueError):
                tested_stats = stats.of_classes(file_gt.names)
                self.train_images = tested_stats.image_count
                self.gt = file_gt if file_gt.groups is not None else replace(file_gt, groups=tested_stats.frequency)
        self.predictions: dict[str, RunPredictions] = {}
        self.scored: dict[str, dict[str, ScoredDetections]] = {}
        self.ap: dict[str, dict[str, np.ndarray]] = {}
        self.intervals = intervals
        self.resampled: dict[str, dict[str, ResampledAP]] = {}

    def add(self, name: str, path: Path, folder: Path) -> Results:
        """Read and match the predictions of a run, and return its results."""
        predictions = read_run_predictions(path, folder, self.file_gt, self.tested)
        results, scored, ap, resampled = {}, {}, {}, {}
        for metric in self.metrics:
            columns = predictions.of_metric(metric)
            if columns is None:
                continue
            with tqdm(total=len(predictions.image_paths), desc=f'{name} {metric}', unit='img') as bar:
                scored[metric] = match_detections(self.gt, columns, metric, list(predictions.image_paths), bar.update)
            values = scored[metric].results(classwise=True)
            ap[metric] = class_ap(values, self.gt.names)
            results[metric] = {key: value for key, value in values.items() if not key.startswith('AP/')}
            if self.intervals:
                resampled[metric] = resample_detections(scored[metric], self.intervals)
                results[metric] |= interval_results(resampled[metric].intervals())
        self.predictions[name], self.scored[name], self.ap[name] = predictions, scored, ap
        self.resampled[name] = resampled
        return results

    @property
    def table(self) -> ClassTable | None:
        """Classes with their AP; None where the training set tells nothing of them."""
        if self.train_images is None or self.gt.groups is None or not self.scored:
            return None
        first = next(iter(self.scored.values()))['bbox']
        return ClassTable(
            self.gt.category_ids, self.gt.names, self.gt.groups, self.train_images, first.num_objects, self.ap
        )

    def main_metric(self) -> str:
        """Return 'segm' where every run has masks, else 'bbox'."""
        return 'segm' if all('segm' in scored for scored in self.scored.values()) else 'bbox'

    def runs_with(self, metric: str) -> list[str]:
        """Return the runs whose predictions have a metric, in order."""
        return [name for name, scored in self.scored.items() if metric in scored]

    def differences(self, metric: str, classwise: bool = False) -> dict[str, dict[str, Interval]]:
        """Compute what each run gains over the first one, with paired intervals.

        Args:
            metric: 'bbox' or 'segm'.
            classwise: also by class.

        Returns:
            Run name -> key -> difference; without intervals none, and none of a run that was tested on other images.
        """
        runs = [(name, of_run[metric]) for name, of_run in self.resampled.items() if metric in of_run]
        return {
            name: run.difference(runs[0][1], classwise=classwise)
            for name, run in runs[1:]
            if np.array_equal(run.images, runs[0][1].images)
        }

    def confusion(self, name: str, metric: str, score_threshold: float) -> Confusion:
        """Compute what the objects are confused with in a run."""
        columns = self.predictions[name].of_metric(metric)
        assert columns is not None
        return confusion(self.scored[name][metric], columns, score_threshold)

    def errors(self, name: str, metric: str) -> tuple[ErrorTypes, OptimalLRP]:
        """Compute what kinds of errors a run makes, and its optimal LRP."""
        overlaps = object_overlaps(self.scored[name][metric])
        return error_types(overlaps), optimal_lrp(overlaps)

    def reliability(self, name: str, metric: str) -> dict[str, Reliability]:
        """Compute precision over score in a run, by group, from the detections that count."""
        columns = self.predictions[name].of_metric(metric)
        assert columns is not None
        assert self.gt.groups is not None
        outcome = detection_outcomes(self.scored[name][metric], len(columns)).outcome
        judged = np.flatnonzero(np.isin(outcome, (Outcome.TRUE_POSITIVE, Outcome.FALSE_POSITIVE)))
        groups = self.gt.groups[np.searchsorted(self.gt.category_ids, columns.category_ids[judged])]
        return {
            group: reliability(columns.scores[rows], outcome[rows] == Outcome.TRUE_POSITIVE)
            for group in FREQUENCY_GROUPS
            for rows in [judged[groups == group]]
        }
