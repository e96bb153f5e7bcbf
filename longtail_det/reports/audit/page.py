"""The page of an audit: one HTML file with findings, thresholds, figures and the table of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from longtail_det import visualization as vis
from longtail_det.statistics import FREQUENCY_GROUPS

from ..class_section import class_row, section_of_rows
from ..page_parts import ReportFigure, ReportSection
from ..report import write_page
from .audit import Audit, ResamplingRow
from .tables import MODE_NAMES, Table, class_table, resampling_table, suggestion_table, tail_table

#: examples of a finding, and images that carry rare classes
_SHOWN = 20


def write_audit_page(path: str | Path, audit: Audit, *, title: str, date: str, facts: Mapping[str, str]) -> Path:
    """Write an audit as one HTML file that loads nothing from elsewhere.

    Args:
        path: the file; folders on the way are made.
        audit: of the data set.
        title: headline.
        date: when, as it is to be read.
        facts: what the numbers hang on, in order.

    Returns:
        `path`.
    """
    parts: list[ReportFigure | ReportSection] = [
        _findings(audit),
        _section(suggestion_table(audit), last_is_text=True),
        *_figures(audit),
        _section(resampling_table(audit)),
        _section(tail_table(audit)),
        *([_section(_rare_image_table(audit), last_is_text=True)] if audit.rare_images.names else []),
        _class_section(audit),
    ]
    return write_page(path, title, parts, date=date, facts=facts)


def _findings(audit: Audit) -> ReportSection:
    items = []
    for finding in audit.findings:
        shown = ', '.join(finding.names[:_SHOWN])
        rest = len(finding.names) - _SHOWN
        names = f'<details><summary>which</summary>{escape(shown)}{f" and {rest} more" if rest > 0 else ""}</details>'
        items.append(
            f'<li><strong>{escape(finding.text)}</strong><br>{escape(finding.advice)}{names if shown else ""}</li>'
        )
    body = f'<ol>{"".join(items)}</ol>' if items else '<p>Nothing wrong was found.</p>'
    return ReportSection('Findings', f'<section>{body}</section>')


def _figures(audit: Audit) -> list[ReportFigure]:
    stats = audit.train.statistics
    sizes = ', '.join(f'{len(members)} {FREQUENCY_GROUPS[group]}' for group, members in stats.groups.items())
    figures = [
        ReportFigure(
            vis.plot_class_frequency(stats),
            'The long tail',
            'One bar per class. LVIS calls a class of at most 10 training images rare, of at most 100 common.',
            f'Bars: {sizes} classes; the largest has {audit.imbalance:.0f} times the images of the smallest.',
            stats.names,
        )
    ]
    if audit.val_counts is not None:
        unmeasured = int(((audit.val_counts.objects == 0) & (stats.image_count > 0)).sum())
        caption = 'A point per class; on the bottom line are those that validation cannot measure.'
        figure = vis.plot_validation_counts(stats, audit.val_counts.objects)
        alt = f'Points: {unmeasured} classes have no object.'
        figures.append(ReportFigure(figure, 'Validation', caption, alt, stats.names))
    curves = {
        name: _curve([row for row in audit.resampling if row.mode == mode], chosen)
        for (mode, name), chosen in zip(MODE_NAMES.items(), (audit.rfs.value, audit.irfs.value), strict=True)
    }
    caption = 'Expected over epochs. The large points are the suggested thresholds. Gini: inequality of the instances.'
    figures.append(
        ReportFigure(vis.plot_thresholds(curves), 'Thresholds of resampling', caption, 'Curves of the table below.')
    )
    if audit.rfs.value is not None:
        (row,) = (r for r in audit.resampling if (r.mode, r.oversample_thr) == ('image', audit.rfs.value))
        caption = f'Expected counts of an epoch with oversample_thr={audit.rfs.value:g} (RFS).'
        figure = vis.plot_resampling(stats, row.epoch.images, row.epoch.instances)
        alt = f'Bars before and after: an epoch has {row.epoch.length:.0f} instead of {stats.num_images} images.'
        figures.append(ReportFigure(figure, 'The suggested resampling', caption, alt))
    return figures


def _curve(rows: Sequence[ResamplingRow], chosen: float | None) -> vis.ThresholdCurve:
    first = rows[0].epoch.length
    values = {
        'Length of an epoch (x)': [row.epoch.length / first for row in rows],
        'Gini of the instances': [row.gini for row in rows],
    }
    if np.isfinite(rows[0].rare_images):
        values['Images of a rare class'] = [row.rare_images for row in rows]
    return vis.ThresholdCurve([row.oversample_thr for row in rows], values, chosen)


def _rare_image_table(audit: Audit) -> Table:
    rare, names = audit.rare_images, audit.train.names
    pairs = [*zip(rare.names, rare.classes, strict=True)][:_SHOWN]
    caption = (
        f'{len(rare.names)} training images carry rare classes, each with {rare.frequent_instances:.1f} instances of '
        'frequent classes, which resampling repeats as well.'
    )
    caption += f' Shown are {_SHOWN}; --json has all.' if len(rare.names) > _SHOWN else ''
    rows = [[name, str(len(classes)), ', '.join(names[c] for c in classes)] for name, classes in pairs]
    return Table('Images that carry rare classes', caption, ['image', 'rare classes', 'which'], rows)


def _class_section(audit: Audit) -> ReportSection:
    """Return the table of the classes, to read, to search and to sort."""
    table, stats = class_table(audit), audit.train.statistics
    group_of = dict(zip(stats.names, stats.frequency.tolist(), strict=True))
    rows = []
    for name, _, *cells in table.rows:
        told = [f'<td data-value="{_rank(cell)}">{escape(cell)}</td>' for cell in cells]
        rows.append(class_row(name, group_of[name], told))
    return section_of_rows(table.head, rows, table.caption)


def _rank(cell: str) -> str:
    return {'yes': '1', '': '0'}.get(cell, cell)


def _section(table: Table, *, last_is_text: bool = False) -> ReportSection:
    """Return a table, whose first column and maybe the last one are words."""
    texts = {0, *([len(table.head) - 1] if last_is_text else [])}

    def cells(tag: str, row: Sequence[str]) -> str:
        styles = [' class="text"' if place in texts else '' for place in range(len(row))]
        return ''.join(f'<{tag}{style}>{escape(cell)}</{tag}>' for style, cell in zip(styles, row, strict=True))

    rows = ''.join(f'<tr>{cells("td", row)}</tr>' for row in table.rows)
    return ReportSection(
        table.title,
        f'<section><table><caption>{escape(table.caption)}</caption>'
        f'<thead><tr>{cells("th", table.head)}</tr></thead><tbody>{rows}</tbody></table></section>',
    )
