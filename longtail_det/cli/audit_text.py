"""An audit as text and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from longtail_det.statistics import FREQUENCY_GROUPS, Suggestion

from .group_table import group_table
from .text_table import text_table

if TYPE_CHECKING:
    from longtail_det.reports.audit import Audit, Split, Table

_SHOWN = 5


def audit_text(audit: Audit) -> str:
    """Return an audit as text: counts, findings, thresholds and suggestions.

    Args:
        audit: of the data set.
    """
    from longtail_det.reports.audit import resampling_table, suggestion_table, tail_table

    rare, stats = audit.rare_images, audit.train.statistics
    rarest = np.argsort(stats.image_count, kind='stable')[:_SHOWN]
    lines = [
        audit.train.path,
        group_table(stats),
        f'the most frequent class has {audit.imbalance:.0f} times the images of the rarest; '
        f'Gini of the instances {audit.resampling[0].gini:.2f}',
        f'rarest: {", ".join(f"{_printed(stats.names[c])} ({stats.image_count[c]})" for c in rarest)}',
    ]
    if rare.names:
        companions = f'each with {rare.frequent_instances:.1f} instances of frequent ones, repeated along with it'
        lines.append(f'{len(rare.names)} images carry rare classes, {companions}')
    if audit.train.num_crowd:
        lines.append(f'{audit.train.num_crowd} crowd regions and ignored annotations are not counted')
    if audit.val is not None:
        lines.append(f'{audit.val.path}: {val_summary(audit.val)}')
    lines += ['', 'findings' if audit.findings else 'findings: none']
    for number, finding in enumerate(audit.findings, start=1):
        lines += [f'  {number}. {finding.text}', f'     do: {finding.advice}']
        if finding.names:
            more = f' and {len(finding.names) - _SHOWN} more' if len(finding.names) > _SHOWN else ''
            lines.append(f'     {", ".join(map(_printed, finding.names[:_SHOWN]))}{more}')
    for table in (resampling_table(audit), tail_table(audit)):
        lines += ['', _titled(table)]
    table = suggestion_table(audit)
    lines += ['', 'suggested']
    lines += [f'  {setting} = {value} ({number} classes): {rule}' for setting, value, number, rule in table.rows]
    return '\n'.join(lines)


def val_summary(val: Split) -> str:
    """Return the size of a validation set in a line; its frequency groups are those of the training set."""
    stats = val.statistics
    return (
        f'{stats.num_classes} classes, {stats.num_images} annotated images, {int(stats.instance_count.sum())} objects'
    )


def audit_json(audit: Audit) -> dict[str, Any]:
    """Return everything that an audit found as plain values, None for what is undefined.

    Args:
        audit: of the data set.
    """
    names = audit.train.names
    return {
        'train': _split_json(audit.train),
        'val': None if audit.val is None else _split_json(audit.val),
        'classes': _classes_json(audit),
        'imbalance': audit.imbalance,
        'findings': [
            {'kind': each.kind, 'text': each.text, 'advice': each.advice, 'names': list(each.names)}
            for each in audit.findings
        ],
        'similar_names': [[names[pair.first], names[pair.second], pair.why] for pair in audit.similar],
        'rare_images': [
            {'image': image, 'classes': [names[c] for c in classes]}
            for image, classes in zip(audit.rare_images.names, audit.rare_images.classes, strict=True)
        ],
        'resampling': [
            {
                'mode': row.mode,
                'oversample_thr': row.oversample_thr,
                'classes_repeated': row.num_repeated,
                'images': row.epoch.length,
                'gini': _defined(row.gini),
                'images_per_rare_class': _defined(row.rare_images),
            }
            for row in audit.resampling
        ],
        'tails': [{'lambda_': row.lambda_, 'classes': row.groups, 'tail_ratio': row.ratio} for row in audit.tails],
        'suggested': {
            'oversample_thr': _suggestion_json(audit.rfs, names),
            'oversample_thr_instance': _suggestion_json(audit.irfs, names),
            'lambda_': _suggestion_json(audit.tail, names),
        },
    }


def _classes_json(audit: Audit) -> list[dict[str, Any]]:
    stats, val = audit.train.statistics, audit.val_counts
    rows = []
    for c, name in enumerate(stats.names):
        row = {
            'name': name,
            'group': FREQUENCY_GROUPS[str(stats.frequency[c])],
            'images': int(stats.image_count[c]),
            'instances': int(stats.instance_count[c]),
            'repeat_factor': float(audit.class_factors[c]),
        }
        if val is not None:
            row |= {'val_images': int(val.images[c]), 'val_objects': int(val.objects[c])}
        rows.append(row)
    return rows


def _split_json(split: Split) -> dict[str, Any]:
    stats = split.statistics
    return {
        'path': split.path,
        'images': stats.total_images,
        'annotated_images': stats.num_images,
        'instances': int(stats.instance_count.sum()),
        'classes': stats.num_classes,
        'groups': {FREQUENCY_GROUPS[group]: len(members) for group, members in stats.groups.items()},
        'crowd_or_ignored': split.num_crowd,
        'bad_records': dict(split.bad.counts),
    }


def _suggestion_json(suggestion: Suggestion, names: tuple[str, ...]) -> dict[str, Any]:
    classes = [names[c] for c in suggestion.classes]
    return {'value': suggestion.value, 'reason': suggestion.reason, 'classes': classes}


def _printed(name: str) -> str:
    """Return a name as a terminal can show it on a line."""
    return name if name.isprintable() else ascii(name)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _titled(table: Table) -> str:
    return f'{table.title}\n{text_table(table.head, table.rows)}\n({table.caption})'
