"""Rows of a table by frequency group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import FREQUENCY_GROUPS, ClassStatistics

#: sets group, classes, two spans or sums, and a sum
row = '{:<10} {:>8} {:>13} {:>16} {:>14}'.format


def span(counts: NDArray[Any]) -> str:
    """Return the least and the greatest of some counts, `-` of none."""
    return f'{counts.min()}-{counts.max()}' if counts.size else '-'


def group_table(stats: ClassStatistics) -> str:
    """Return the counts of a training set by frequency group."""
    lines = [stats.summary(), row('group', 'classes', 'images/class', 'instances/class', 'instances')]
    for key, group in stats.groups.items():
        images, instances = stats.image_count[group], stats.instance_count[group]
        lines.append(row(FREQUENCY_GROUPS[key], len(group), span(images), span(instances), int(instances.sum())))
    unseen = int(np.count_nonzero(stats.image_count == 0))
    if unseen:
        lines.append(f'{unseen} classes are on no training image')
    return '\n'.join(lines)
