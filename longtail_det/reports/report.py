"""One self-contained html file: a table of results and figures, to be read anywhere without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from longtail_det.evaluation import AP_COLUMNS, percent

from .page_files import content_policy, page_script, page_style
from .page_parts import ReportFigure, ReportSection

_METRIC_NAMES = {'bbox': 'box', 'segm': 'mask'}
_COLUMN_HELP = {
    'AP': 'mean over IoU 0.50 to 0.95',
    'AP50': 'at IoU 0.50',
    'AP75': 'at IoU 0.75',
    'APs': 'small objects, area below 32 x 32 pixels',
    'APm': 'medium objects',
    'APl': 'large objects, area above 96 x 96 pixels',
    'APr': 'rare classes',
    'APc': 'common classes',
    'APf': 'frequent classes',
}
_TABLE_CAPTION = (
    'Average precision in percent, mean over classes. r, c, f: classes that are rare, common, frequent in the '
    'training set. s, m, l: small, medium, large objects. - : nothing to find.'
)


def write_report(
    path: str | Path,
    title: str,
    runs: Mapping[str, Mapping[str, Mapping[str, float]]],
    parts: Sequence[ReportFigure | ReportSection],
    *,
    date: str,
    facts: Mapping[str, str],
    notes: Sequence[str] = (),
) -> Path:
    """Write a report as one HTML file that loads nothing from elsewhere and follows the reader's light or dark mode.

    Args:
        path: the file; folders on the way are made.
        title: headline of the page.
        runs: run name -> `{'bbox': {'AP': ..., ...}, ...}` in [0, 1]; undefined values become '-'.
        parts: in the order of the page; figures are embedded as PNG.
        date: when, as it is to be read.
        facts: what the numbers hang on (config, data, versions, command), in order.
        notes: sentences under the table, such as what is missing and why.

    Returns:
        `path`.
    """
    listed = ''.join(f'<li>{escape(text)}</li>' for text in notes)
    results = f'<section>{results_table(runs)}</section>' + (f'\n<ul class="notes">{listed}</ul>' if notes else '')
    return write_page(path, title, [ReportSection('Results', results), *parts], date=date, facts=facts)


def write_page(
    path: str | Path,
    title: str,
    parts: Sequence[ReportFigure | ReportSection],
    *,
    date: str,
    facts: Mapping[str, str],
) -> Path:
    """Write a page as one HTML file that loads nothing from elsewhere and follows the reader's light or dark mode.

    Args:
        path: the file; folders on the way are made.
        title: headline of the page.
        parts: in the order of the page; figures are embedded as PNG.
        date: when, as it is to be read.
        facts: what the page hangs on, in order.

    Returns:
        `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    items = ''.join(f'<dt>{escape(key)}</dt><dd>{escape(value)}</dd>' for key, value in facts.items())
    header = f'<header><h1>{escape(title)}</h1><div class="date">{escape(date)}</div><dl>{items}</dl></header>'
    body = '\n'.join([header, *(part.html() for part in parts)])
    style, script = page_style(), page_script()
    path.write_text(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{content_policy(style, script)}">\n'
        f'<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n{body}\n'
        f'<footer>Written by longtail_det.</footer>\n</main>\n<script>{script}</script>\n</body>\n</html>\n',
        encoding='utf-8',
    )
    return path


def results_table(runs: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return an HTML table of the results of `write_report`, one row per run and metric."""
    head = ''.join(
        f'<th scope="col"{_column_class(key)}><abbr title="{_COLUMN_HELP[key]}">{key}</abbr></th>' for key in AP_COLUMNS
    )
    rows = []
    for run, results in runs.items():
        for metric, values in results.items():
            name = _METRIC_NAMES.get(metric, metric)
            label = f'{run}, {name}' if len(runs) > 1 else name
            cells = ''.join(f'<td{_column_class(key)}>{percent(values.get(key))}</td>' for key in AP_COLUMNS)
            rows.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>')
    return (
        f'<table><caption>{escape(_TABLE_CAPTION)}</caption>'
        f'<thead><tr><th scope="col">metric</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _column_class(column: str) -> str:
    name = 'main' if column == 'AP' else column[2:]
    return f' class="{name}"' if name in ('main', 'r', 'c', 'f') else ''
