from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.diagnosis import ClassTable
from longtail_det.reports.gallery_section import gallery_classes


def make_table(groups, ap):
    count = np.arange(len(groups))
    names = tuple(map(str, count))
    return ClassTable(count, names, np.array(list(groups)), count, count, {'run': {'bbox': np.array(ap)}})


@pytest.mark.parametrize(
    ('count', 'expected'),
    [
        (0, ([], [], [])),
        (2, ([0, 1], [], [])),
        (5, ([0, 1, 2, 3], [9], [])),
        (9, ([0, 1, 2, 3], [9, 8, 7, 6], [4])),
        (100, ([0, 1, 2, 3], [9, 8, 7, 6], [4, 5, 11, 12, 10])),
    ],
)
def test_rare_classes_come_first_and_among_them_the_worst_and_the_best(count, expected):
    # ten rare classes that get better, a frequent, two common ones and one of which nothing is known
    table = make_table('rrrrrrrrrrfccc', [*np.linspace(0, 0.9, 10), 0.1, 0.2, 0.3, np.nan])
    worst, best, others = expected
    found = gallery_classes(table, 'run', 'bbox', count, 'r')
    assert found == [('Worst rare classes', worst), ('Best rare classes', best), ('', others)]


def test_few_classes_are_either_worst_or_best_and_groups_can_be_chosen():
    table = make_table('rrrff', [0.3, 0.1, 0.2, 0.5, 0.4])
    rare = [('Worst rare classes', [1, 2]), ('Best rare classes', [0])]
    frequent = [('Worst frequent classes', [4]), ('Best frequent classes', [3])]
    assert gallery_classes(table, 'run', 'bbox', 9, 'rf') == [*rare, *frequent, ('', [])]
    assert gallery_classes(table, 'run', 'bbox', 9, 'c') == [
        *(('Worst common classes', []), ('Best common classes', [])),
        ('', [1, 2, 0, 4, 3]),
    ]
