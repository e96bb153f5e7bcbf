"""The sections of a report: from the files of a run to figures with their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from longtail_det import visualization as vis
from longtail_det.evaluation import is_defined, percent
from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.statistics import FREQUENCY_GROUPS, ClassStatistics, Interval

from .class_section import class_section
from .details import Details, Results
from .error_section import error_figure
from .gallery_section import gallery_section
from .page_parts import ReportFigure, ReportSection
from .run_directory import read_train_log


def groups_figure(runs: Mapping[str, Results]) -> ReportFigure:
    """Draw AP by frequency group."""
    values = '; '.join(
        f'{run} {metric} AP {percent(v.get("AP"))}, rare {percent(v.get("APr"))}, common {percent(v.get("APc"))}, '
        f'frequent {percent(v.get("APf"))}'
        for run, results in runs.items()
        for metric, v in results.items()
    )
    caption = 'Average precision over all classes and over those rare, common and frequent in the training set.'
    if any(key.endswith('_low') for results in runs.values() for v in results.values() for key in v):
        caption += ' Error bars: 95 % intervals of a bootstrap over the images.'
    return ReportFigure(vis.plot_ap_by_group(runs), 'AP by frequency group', caption, f'Bars: {values}.')


def pareto_figures(runs: Mapping[str, Results], metric: str | None) -> list[ReportFigure]:
    """Draw rare and common against frequent AP; return none for a single run."""
    known = [
        m for m in (metric, 'segm', 'bbox') if m and all(is_defined(r.get(m, {}).get('APf')) for r in runs.values())
    ]
    if len(runs) < 2 or not known:
        return []
    caption = (
        'One point per run: the further to the top right, the better. The dashed line joins the runs that no other run '
        'beats on both axes.'
    )
    alt = '; '.join(
        f'{name}: {", ".join(f"{key} {percent(r[known[0]].get(key))}" for key in ("APr", "APc", "APf"))}'
        for name, r in runs.items()
    )
    figure = vis.plot_pareto(runs, known[0])
    return [ReportFigure(figure, 'Rare and common against frequent classes', caption, f'Points: {alt}.')]


def class_sections(
    details: Details, metric: str, galleries: int, shown: Sequence[str], img_root: Path | None, notes: list[str]
) -> list[ReportFigure | ReportSection]:
    """Return what lets a reader look for classes: AP over training images, the table, galleries.

    Args:
        details: classes with groups.
        metric: 'bbox' or 'segm'.
        galleries: how many classes have one; 0 for none.
        shown: groups whose worst and best classes are shown at once.
        img_root: folder of the images where it is not the one of the test.
        notes: what is missing is added here.
    """
    table = _table_of(details, metric)
    gallery, named = gallery_section(details, metric, galleries, shown, img_root, notes) if galleries else (None, [])
    intervals = {
        run: of_run[metric].intervals(classwise=True) for run, of_run in details.resampled.items() if metric in of_run
    }
    rows = class_section(table, metric, intervals, details.differences(metric, classwise=True), named)
    return [_frequency_ap_figure(table, metric), rows, *([gallery] if gallery else [])]


def _table_of(details: Details, metric: str) -> ClassTable:
    """Return the classes with the runs that have a metric."""
    table = details.table
    assert table is not None
    return replace(table, ap={name: table.ap[name] for name in details.runs_with(metric)})


def class_figures(details: Details, metric: str, score_threshold: float) -> list[ReportFigure]:
    """Draw differences between runs, calibration and confusion."""
    table, runs = _table_of(details, metric), details.runs_with(metric)
    figures = _group_difference_figures(details, metric, runs[0])
    by_class = details.differences(metric, classwise=True)
    for run in runs[1:]:
        if np.isfinite(table.difference(run, runs[0], metric)).any():
            intervals = [by_class[run][f'AP/{name}'] for name in table.names] if run in by_class else None
            figures.append(_difference_figure(table, run, runs[0], metric, intervals))
    curves = {name: details.reliability(name, metric) for name in runs}
    caption = (
        'Share of right detections (IoU at least 0.5) among those of a score, in ten bins; on the dashed line a score '
        'can be taken at its word, below it the detector is too sure. Error: mean distance from that line over the '
        'detections of the group. Larger points hold more detections.'
    )
    alt = '; '.join(
        f'{name} {FREQUENCY_GROUPS[group]}: error {100 * curve.error:.1f}'
        for name, by_group in curves.items()
        for group, curve in by_group.items()
    )
    figures.append(ReportFigure(vis.plot_reliability(curves), 'Score calibration', caption, f'Curves: {alt}.'))
    figures.append(error_figure(details, runs, metric))
    return figures + [_confusion_figure(details, name, metric, score_threshold, len(runs) > 1) for name in runs]


def _frequency_ap_figure(table: ClassTable, metric: str) -> ReportFigure:
    caption = (
        'One point per class. The bars are the median AP of each frequency group; dashed lines are the borders of the '
        'groups.'
    )
    alt = '; '.join(
        f'{run}: ' + ', '.join(f'{FREQUENCY_GROUPS[g]} median {100 * ap:.1f}' for g, (_, ap) in medians.items())
        for run in table.ap
        for medians in [table.group_medians(run, metric)]
    )
    figure = vis.plot_ap_by_frequency(table, metric)
    return ReportFigure(figure, 'AP and training images of each class', caption, f'Points; {alt}.', table.names)


def _group_difference_figures(details: Details, metric: str, base: str) -> list[ReportFigure]:
    differences = details.differences(metric)
    if not differences:
        return []
    caption = (
        f'Average precision of each run minus that of {base}, in points, with the 95 % interval of a bootstrap over '
        'the images, the same in both runs. Grey: the interval holds zero, so these images do not tell the runs '
        'apart. The intervals say nothing of other seeds of the training.'
    )
    alt = '; '.join(
        f'{run} {key} {100 * interval.point:+.1f} [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]'
        for run, of_run in differences.items()
        for key, interval in of_run.items()
        if np.isfinite(interval).all()
    )
    figure = vis.plot_group_differences(differences, base, metric)
    return [ReportFigure(figure, f'Differences to {base} by frequency group', caption, f'Points: {alt}.')]


def _difference_figure(
    table: ClassTable, run: str, base: str, metric: str, intervals: list[Interval] | None
) -> ReportFigure:
    difference = table.difference(run, base, metric)
    better, worse = int((difference > 0).sum()), int((difference < 0).sum())
    caption = f'Average precision of each class in {run} minus that in {base}, in points; the largest changes by name.'
    unsettled = None if intervals is None else np.array([interval.holds_zero for interval in intervals])
    if unsettled is not None:
        caption += ' Grey: the 95 % interval of the class holds zero.'
    figure = vis.plot_class_differences(table, run, base, metric, unsettled)
    alt = f'Bars: {better} classes are better in {run}, {worse} are worse.'
    return ReportFigure(figure, f'Differences by class: {run} and {base}', caption, alt, table.names)


def _confusion_figure(details: Details, name: str, metric: str, score_threshold: float, several: bool) -> ReportFigure:
    found = details.confusion(name, metric, score_threshold)
    caption = (
        f'Answers with a score of at least {score_threshold:.0%}. Left: objects that a detection of their class finds '
        '(IoU at least 0.5), else the group of the class that the best box on them names, else missed. Right: '
        'detections that are right, else the group of the object under them (their own class: found twice), else '
        'background; those that the federated rules leave open are not counted. Below: rare classes by name.'
    )
    objects = found.objects_by_group()
    alt = '; '.join(
        f'of {row.sum()} {group} objects {row[0]} are found and {row[4]} missed'
        for group, row in zip(FREQUENCY_GROUPS.values(), objects, strict=True)
    )
    title = f'Confusion: {name}' if several else 'Confusion'
    return ReportFigure(vis.plot_confusion(found, details.gt.names), title, caption, f'{alt}.')


def image_figures(details: Details, count: int, score_threshold: float, img_root: Path | None) -> list[ReportFigure]:
    """Draw ground truth beside the predictions of the first run; return none where no image has an object."""
    name, predictions = next(iter(details.predictions.items()))
    columns = predictions.masks if predictions.masks is not None and 'segm' in details.metrics else predictions.boxes
    samples = vis.load_grid_samples(
        details.gt, columns, predictions.image_paths, count=count, score_threshold=score_threshold, img_root=img_root
    )
    if not samples:
        return []
    caption = (
        f'Ground truth beside predictions{f" of {name}" if len(details.predictions) > 1 else ""} with a score of at '
        f'least {score_threshold:.0%}. Color: frequency group of the class; number: score in percent.'
    )
    alt = f'{len(samples)} images, each with its annotated and its predicted objects outlined and named.'
    return [ReportFigure(vis.plot_image_grid(samples), 'Ground truth and predictions', caption, alt)]


def frequency_figure(stats: ClassStatistics) -> ReportFigure:
    """Draw the class frequency of the training set."""
    caption = 'Training images of every class on a log axis, with the borders of the rare and the common group.'
    count = sorted(stats.image_count.tolist()) or [0]
    alt = f'Sorted bars falling from {count[-1]} to {count[0]} images.'
    return ReportFigure(vis.plot_class_frequency(stats), 'Class frequency', caption, alt, stats.names or ())


def loss_figures(run_dir: Path, of_run: str) -> list[ReportFigure]:
    """Draw the loss curves; return none where the run was only tested."""
    log = [record for record in read_train_log(run_dir) if 'loss' in record]
    if not log:
        return []
    caption = 'Training losses as logged (faint) and their moving average over a twentieth of the log (bold).'
    alt = f'Curves of the losses; the total goes from {log[0]["loss"]:.3g} to {log[-1]["loss"]:.3g}.'
    return [ReportFigure(vis.plot_losses(log), f'Losses{of_run}', caption, alt)]
