"""The section of a report about kinds of errors."""

from __future__ import annotations

from collections.abc import Sequence

from longtail_det import visualization as vis
from longtail_det.statistics import FREQUENCY_GROUPS

from .details import Details
from .page_parts import ReportFigure

#: name -> group, of all classes and of each group
_GROUPS: dict[str, str | None] = {'all': None, **{name: group for group, name in FREQUENCY_GROUPS.items()}}


def error_figure(details: Details, runs: Sequence[str], metric: str) -> ReportFigure:
    """Draw what each kind of error costs; the words below tell the optimal LRP.

    Args:
        details: of runs with `metric`, classes with groups.
        runs: which of them.
        metric: 'bbox' or 'segm'.
    """
    found = {run: details.errors(run, metric) for run in runs}
    lrp = '; '.join(
        f'{run}: ' + ', '.join(f'{name} {100 * of_run.means(group)["lrp"]:.1f}' for name, group in _GROUPS.items())
        for run, (_, of_run) in found.items()
    )
    caption = (
        'The AP50 that a run would gain if one kind of error was fixed (TIDE). Classification: on an object of another '
        'class; localization: beside an object of its class; both; duplicate: on an object that is already found; '
        'background: on no object; missed: an object that no detection is about. Detections of a class that their '
        'image neither shows nor lists as absent are no errors. Optimal LRP in percent, less is better: '
        f'{lrp}.'
    )
    alt = '; '.join(
        f'{run}, {name}: ' + ', '.join(f'{kind} {100 * lost:.1f}' for kind, lost in errors.lost(group).items())
        for run, (errors, _) in found.items()
        for name, group in _GROUPS.items()
    )
    figure = vis.plot_error_types({run: errors for run, (errors, _) in found.items()})
    return ReportFigure(figure, 'Errors by kind', caption, f'Bars: {alt}.')
