"""The numbers of a report as text: csv in full precision, markdown to paste."""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Mapping, Sequence

from longtail_det.evaluation import AP_COLUMNS, percent
from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.spreadsheet import csv_cells
from longtail_det.statistics import FREQUENCY_GROUPS
from longtail_det.visualization import metric_title
from longtail_det.visualization.ap_by_group import Results


def results_csv(runs: Mapping[str, Results]) -> str:
    """Return CSV of one row per run and metric, in full precision; a cell is empty where there is nothing to find.

    Args:
        runs: run name -> metric -> `{'AP': ..., ...}` in [0, 1].
    """
    keys = list(dict.fromkeys(key for results in runs.values() for values in results.values() for key in values))
    rows: list[Sequence[object]] = [['run', 'metric', *keys]]
    for run, results in runs.items():
        for metric, values in results.items():
            rows.append([run, metric, *(_cell(values.get(key)) for key in keys)])
    return _csv(rows)


def classes_csv(table: ClassTable) -> str:
    """Return CSV of one row per class: group, training images, objects to find, AP of each run and metric.

    Args:
        table: the classes.
    """
    columns = [(run, metric) for run, metrics in table.ap.items() for metric in metrics]
    head = [
        'category_id',
        'name',
        'group',
        'train_images',
        'objects',
        *(f'{run} {metric}_AP' for run, metric in columns),
    ]
    rows: list[Sequence[object]] = [head]
    for row, name in enumerate(table.names):
        cells = [_cell(float(table.ap[run][metric][row])) for run, metric in columns]
        counts = [int(table.train_images[row]), int(table.num_objects[row])]
        rows.append([int(table.category_ids[row]), name, str(table.groups[row]), *counts, *cells])
    return _csv(rows)


def report_markdown(
    title: str,
    runs: Mapping[str, Results],
    facts: Mapping[str, str],
    notes: Sequence[str] = (),
    table: ClassTable | None = None,
) -> str:
    """Return the tables of a report as markdown.

    Args:
        title: headline.
        runs: run name -> metric -> `{'AP': ..., ...}` in [0, 1].
        facts: what the numbers hang on.
        notes: what is missing and why.
        table: the classes; with it the median AP of each frequency group is told.
    """
    rows = [
        [run, metric_title(metric), *(percent(values.get(key)) for key in AP_COLUMNS)]
        for run, results in runs.items()
        for metric, values in results.items()
    ]
    parts = [f'# {_escaped(title)}', _markdown(['run', 'metric', *AP_COLUMNS], rows)]
    if table is not None:
        medians = [
            [
                run,
                metric_title(metric),
                *(percent(table.group_medians(run, metric).get(g, (0, None))[1]) for g in 'rcf'),
            ]
            for run, metrics in table.ap.items()
            for metric in metrics
        ]
        parts += ['Median AP of the classes:', _markdown(['run', 'metric', *FREQUENCY_GROUPS.values()], medians)]
    parts += ['\n'.join(f'- {_escaped(note)}' for note in notes)] if notes else []
    parts.append('\n'.join(f'- {_escaped(key)}: {_escaped(value)}' for key, value in facts.items()))
    return '\n\n'.join(parts) + '\n'


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), ['---', '---', *['---:'] * (len(head) - 2)], *rows]
    return '\n'.join('| ' + ' | '.join(map(_escaped, line)) + ' |' for line in lines)


def _escaped(text: str) -> str:
    """Return text that markdown shows as it is: no html, link, code or cell of a table."""
    line = ' '.join(html.escape(text, quote=False).split())
    return re.sub(r'([\\`*\[\]|])', r'\\\1', line)


def _cell(value: float | None) -> str:
    return '' if value is None or math.isnan(value) or value < 0 else repr(value)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator='\n').writerows(map(csv_cells, rows))
    return buffer.getvalue()
