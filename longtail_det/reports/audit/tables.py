"""The tables of an audit: head and rows of text, for a terminal and for a page alike."""

from __future__ import annotations

import math
from typing import NamedTuple

from longtail_det.statistics import FREQUENCY_GROUPS

from .audit import Audit

MODE_NAMES = {'image': 'RFS', 'instance': 'IRFS'}


class Table(NamedTuple):
    """A table.

    Args:
        title: headline.
        caption: how to read it.
        head: names of the columns.
        rows: cells.
    """

    title: str
    caption: str
    head: list[str]
    rows: list[list[str]]


def resampling_table(audit: Audit) -> Table:
    """Return what the thresholds of RFS and IRFS come to; the suggested ones are marked by a star.

    Args:
        audit: of the data set.
    """
    chosen = {'image': audit.rfs.value, 'instance': audit.irfs.value}
    num_images = audit.train.statistics.num_images
    rows = [
        [
            MODE_NAMES[row.mode] if row.oversample_thr else 'none',
            f'{row.oversample_thr:g}{" *" if row.oversample_thr and row.oversample_thr == chosen[row.mode] else ""}',
            str(row.num_repeated),
            f'{row.epoch.length:.0f}',
            f'{100 * row.epoch.length / num_images:.0f} %',
            f'{row.gini:.3f}',
            '-' if math.isnan(row.rare_images) else f'{row.rare_images:.1f}',
        ]
        for row in audit.resampling
        if row.num_repeated or (row.mode == 'image' and not row.oversample_thr)
    ]
    return Table(
        'What an epoch shows',
        'Gini: inequality of the instances of the classes, 0 where all have as many. Rare: the median rare class. '
        '* suggested. Thresholds that repeat no class are left out.',
        ['rule', 'oversample_thr', 'classes repeated', 'images', 'of the data', 'Gini', 'images of a rare class'],
        rows,
    )


def tail_table(audit: Audit) -> Table:
    """Return what values of `lambda_` take; the suggested one is marked by a star.

    Args:
        audit: of the data set.
    """
    rows = [
        [
            f'{row.lambda_:g}{" *" if row.lambda_ == audit.tail.value else ""}',
            *(str(row.groups[group]) for group in FREQUENCY_GROUPS),
            f'{100 * row.ratio:.1f} %',
        ]
        for row in audit.tails
    ]
    return Table(
        'The tail of EQL and DropLoss',
        'Classes on a smaller share of the annotated images than lambda_. Tail ratio: their share of all image labels. '
        '* suggested.',
        ['lambda_', *FREQUENCY_GROUPS.values(), 'tail ratio'],
        rows,
    )


def suggestion_table(audit: Audit) -> Table:
    """Return the suggested thresholds, each with its rule in one line.

    Args:
        audit: of the data set.
    """
    rows = [
        [setting, '-' if each.value is None else f'{each.value:g}', str(len(each.classes)), each.reason]
        for setting, each in (
            ('oversample_thr (RFS)', audit.rfs),
            ("oversample_thr (IRFS, mode='instance')", audit.irfs),
            ('lambda_ (EQL, DropLoss)', audit.tail),
        )
    ]
    return Table('Suggested', '', ['setting', 'value', 'classes', 'rule'], rows)


def class_table(audit: Audit) -> Table:
    """Return the classes, those of the fewest training images first.

    Args:
        audit: of the data set.
    """
    statistics, val = audit.train.statistics, audit.val_counts
    tail = set(audit.tail.classes.tolist())
    rows = []
    for c in statistics.image_count.argsort(kind='stable').tolist():
        row = [statistics.names[c], FREQUENCY_GROUPS[str(statistics.frequency[c])]]
        row += [str(statistics.image_count[c]), str(statistics.instance_count[c])]
        row += [] if val is None else [str(val.images[c]), str(val.objects[c])]
        row += [f'{audit.class_factors[c]:.2f}', 'yes' if c in tail else '']
        rows.append(row)
    head = ['class', 'group', 'training images', 'instances']
    head += [] if val is None else ['validation images', 'objects']
    return Table('Classes', 'Factor, tail: by the suggested thresholds.', [*head, 'RFS factor', 'tail'], rows)
