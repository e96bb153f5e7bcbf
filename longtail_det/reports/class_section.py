"""The section of a report with one row per class: to read, to search and to sort."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from html import escape

from longtail_det.evaluation import percent
from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.statistics import FREQUENCY_GROUPS, Interval
from longtail_det.visualization import metric_title

from .page_parts import ReportSection, class_anchor

_RANK = {group: rank for rank, group in enumerate(FREQUENCY_GROUPS)}


def class_section(
    table: ClassTable,
    metric: str,
    intervals: Mapping[str, Mapping[str, Interval]],
    differences: Mapping[str, Mapping[str, Interval]],
    with_gallery: Collection[str],
) -> ReportSection:
    """Return the table of the classes, those of the fewest training images last.

    Args:
        table: the classes; its runs are the columns.
        metric: 'bbox', 'segm' or 'boundary'.
        intervals: run -> `AP/<name>` -> AP with its interval, in [0, 1]; without intervals empty.
        differences: run -> `AP/<name>` -> what it gains over the first run, paired; empty where not known.
        with_gallery: names of the classes that have a gallery on the page; they become links.
    """
    runs = list(table.ap)
    base, title = runs[0], metric_title(metric)
    heads = ['class', 'group', 'training images', 'tested objects']
    heads += [title] if len(runs) == 1 else runs
    compared = [run for run in runs[1:] if run in differences]
    heads += [f'{run} - {base}' for run in compared]
    rows = []
    for label in (-table.train_images).argsort(kind='stable').tolist():
        name, group = table.names[label], str(table.groups[label])
        cells = [f'<td>{table.train_images[label]}</td>', f'<td>{table.num_objects[label]}</td>']
        for run in runs:
            cells.append(_ap_cell(float(table.ap[run][metric][label]), intervals.get(run, {}).get(f'AP/{name}')))
        cells += [_difference_cell(differences[run][f'AP/{name}']) for run in compared]
        rows.append(class_row(name, group, cells, has_gallery=name in with_gallery))
    caption = f'{title} of each class in percent'
    if intervals:
        caption += ', behind it its 95 % interval (bootstrap over the images)'
    if compared:
        caption += (
            f'; the last columns are the differences to {base} in points, in bold where the interval excludes zero'
        )
    caption += '. - : nothing to find. An underlined name leads to the objects of the class.'
    return section_of_rows(heads, rows, caption)


def section_of_rows(heads: Sequence[str], rows: Sequence[str], caption: str) -> ReportSection:
    """Return a table with one row per class.

    Args:
        heads: names of the columns: class, group and what is told of them.
        rows: of `class_row`.
        caption: what is told, and how to read it.
    """
    head = ''.join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    return ReportSection(
        'Classes',
        f'<section class="classes" id="classes">{_tools()}'
        '<div class="scroll" tabindex="0" role="region" aria-label="Classes">'
        f'<table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        f'<p class="date">{escape(caption)}</p></section>',
    )


def _tools() -> str:
    """Return the controls; hidden until the script that serves them runs."""
    groups = ''.join(f'<option value="{group}">{name}</option>' for group, name in FREQUENCY_GROUPS.items())
    return (
        '<div class="tools" hidden><label>Search <input type="search" autocomplete="off" spellcheck="false"></label>'
        f'<label>Group <select><option value="">all</option>{groups}</select></label>'
        '<output aria-live="polite"></output></div>'
    )


def class_row(name: str, group: str, cells: Sequence[str], *, has_gallery: bool = False) -> str:
    """Return the row of a class.

    Args:
        name: of the class.
        group: 'r', 'c' or 'f'.
        cells: HTML of the columns after the group.
        has_gallery: whether the page has a gallery of the class, to which its name then leads.
    """
    anchor, shown = class_anchor(name), escape(name).replace('_', '_<wbr>')
    link = f'<a href="#{anchor}">{shown}</a>' if has_gallery else shown
    target = '' if has_gallery else f' id="{anchor}"'  # the gallery has the id where there is one
    return (
        f'<tr{target} data-anchor="{anchor}" data-group="{group}"><th scope="row">{link}</th>'
        f'<td class="{group}" data-value="{_RANK[group]}">{FREQUENCY_GROUPS[group]}</td>{"".join(cells)}</tr>\n'
    )


def _ap_cell(ap: float, interval: Interval | None) -> str:
    if not math.isfinite(ap) or interval is None or not math.isfinite(interval.low):
        return f'<td>{percent(ap)}</td>'
    return f'<td>{percent(ap)} <small>[{100 * interval.low:.1f}, {100 * interval.high:.1f}]</small></td>'


def _difference_cell(difference: Interval) -> str:
    if not math.isfinite(difference.point):
        return '<td>-</td>'
    point = f'{100 * difference.point:+.1f}'
    if not math.isfinite(difference.low):
        return f'<td>{point}</td>'
    point = point if difference.holds_zero else f'<b>{point}</b>'
    return f'<td>{point} <small>[{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]</small></td>'
