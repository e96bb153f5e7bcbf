"""The figures of a study, drawn from its CSV files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from matplotlib.figure import Figure

from longtail_det import visualization as vis
from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.statistics import Interval

from .numbers import StudyNumbers
from .scores import GROUPS
from .summary import Summary

DIFFERENCES = 'differences.png'


class StudyFigure(NamedTuple):
    """A figure of the page.

    Args:
        file: its name, beside the page.
        headline: of its section.
        caption: what is drawn and how to read it.
        draw: draws it.
    """

    file: str
    headline: str
    caption: str
    draw: Callable[[], Figure]


def study_figures(numbers: StudyNumbers) -> list[StudyFigure]:
    """Return the figures that the finished runs allow, in the order of the page; nothing is drawn yet.

    Args:
        numbers: from the CSV files.
    """
    first = numbers.of_section(numbers.study.sections[0])
    titles = {name: run.title for name, run in first.items()}
    base = titles.get(numbers.study.baseline, numbers.study.baseline)
    summaries = {titles[name]: numbers.summaries[name] for name in titles}
    figures = [*_difference_figures(numbers, titles, base), *_tradeoff_figures(summaries, base)]
    table = _shown(numbers)
    if table is not None and table.ap:
        caption = 'One point per class, mean over the seeds; the bars are the medians of the groups.'
        draw = partial(vis.plot_ap_by_frequency, table, 'bbox')
        figures.append(StudyFigure('classes.png', 'Box AP over training images', caption, draw))
    curves = _curves(numbers)
    if curves:
        caption = 'Mean over the seeds; each length has its own schedule.'
        draw = partial(vis.plot_over_steps, curves, 'box AP (%)')
        figures.append(StudyFigure('steps.png', 'AP over training steps', caption, draw))
    return figures


def _difference_figures(numbers: StudyNumbers, titles: Mapping[str, str], base: str) -> Iterator[StudyFigure]:
    for kind, file in (('box', DIFFERENCES), ('mask', 'differences_mask.png')):
        rows = _intervals(numbers, titles, kind)
        if rows:
            headline = f'{kind.capitalize()} AP minus that of {base}'
            caption = 'Ordered by APr; a bar is the 95 % interval of the paired difference, gray where it holds zero.'
            yield StudyFigure(file, headline, caption, partial(vis.plot_forest, rows, f'{headline} (points)'))


def _tradeoff_figures(summaries: Mapping[str, Summary], base: str) -> Iterator[StudyFigure]:
    pareto = _pareto(summaries, 'box')
    if len(next(iter(pareto.values()), {})) > 1:
        caption = (
            f'Mean and standard deviation over the seeds, box AP; the lines cross at {base}. The dashed line joins the '
            'methods that no other one beats on both axes.'
        )
        draw = partial(vis.plot_tradeoff, pareto, base)
        yield StudyFigure('pareto.png', 'Rare and common against frequent classes', caption, draw)
    cost = _costs(summaries, base)
    if len(next(iter(cost.values()), {})) > 1:
        caption = f'Processor time of a training step, that of {base} is 1, beside box AP.'
        draw = partial(vis.plot_tradeoff, cost, base, least_x=True)
        yield StudyFigure('cost.png', 'AP and the cost of a step', caption, draw)


def _shown(numbers: StudyNumbers) -> ClassTable | None:
    table, entries = numbers.classes, numbers.entries
    if table is None:
        return None
    names = [name for name in numbers.study.shown or list(entries)[:6] if name in table.ap and name in entries]
    return replace(table, ap={entries[name].title: table.ap[name] for name in names})


def _intervals(numbers: StudyNumbers, titles: Mapping[str, str], kind: str) -> dict[str, dict[str, Interval]]:
    """Title -> 'AP', 'APr', ... -> difference to the baseline, best APr first."""
    found = {}
    for name, title in titles.items():
        differences = [numbers.difference(name, numbers.study.baseline, kind, group) for group in GROUPS]
        row = {f'AP{d.group}': d.interval for d in differences if d is not None}
        if row:
            found[title] = row
    return dict(sorted(found.items(), key=lambda item: -item[1]['APr'].point if 'APr' in item[1] else 1.0))


def _pareto(summaries: Mapping[str, Summary], kind: str) -> dict[tuple[str, str], dict[str, vis.Point]]:
    return {
        (f'{kind} AP, frequent classes (%)', f'{kind} AP, {word} classes (%)'): _plane(summaries, kind, group)
        for group, word in (('r', 'rare'), ('c', 'common'))
    }


def _plane(summaries: Mapping[str, Summary], kind: str, group: str) -> dict[str, vis.Point]:
    found = {}
    for title, summary in summaries.items():
        x, y = summary.mean(kind, 'f'), summary.mean(kind, group)
        if x is not None and y is not None:
            spread = 100 * (summary.spread(kind, 'f') or 0.0), 100 * (summary.spread(kind, group) or 0.0)
            found[title] = vis.Point(100 * x, 100 * y, *spread)
    return found


def _costs(summaries: Mapping[str, Summary], base: str) -> dict[tuple[str, str], dict[str, vis.Point]]:
    unit = summaries[base].step_cost() if base in summaries else None
    panels: dict[tuple[str, str], dict[str, vis.Point]] = {}
    for group, word in (('', 'all classes'), ('r', 'rare classes')):
        points = panels.setdefault(('cost of a step', f'box AP, {word} (%)'), {})
        for title, summary in summaries.items():
            cost, ap = summary.step_cost(), summary.mean('box', group)
            if unit and cost and ap is not None:
                points[title] = vis.Point(cost / unit, 100 * ap, 0.0, 100 * (summary.spread('box', group) or 0.0))
    return panels


def _curves(numbers: StudyNumbers) -> dict[str, dict[int, dict[str, float]]]:
    """AP by steps of the methods that were trained for several lengths, which their variants tell."""
    found: dict[str, dict[int, dict[str, float]]] = {}
    entries = numbers.entries
    for name, run in entries.items():
        plain, _, variant = name.partition('+')
        summary = numbers.summaries[name]
        steps = summary.rows[0].steps
        if run.of or not steps or (variant and variant != f'{steps}i'):
            continue
        values = {group: summary.mean('box', group) for group in GROUPS}
        known = {f'AP{group}': 100 * value for group, value in values.items() if value is not None}
        found.setdefault(entries[plain].title if plain in entries else plain, {})[steps] = known
    return {title: points for title, points in found.items() if len(points) > 1}
