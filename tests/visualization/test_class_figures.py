"""Figures by class: what they show are the numbers of the table."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from matplotlib.colors import to_hex

from longtail_det.evaluation.diagnosis import ClassTable, Confusion, Reliability, reliability
from longtail_det.reports import classes_csv, report_markdown, results_csv
from longtail_det.visualization import (
    GROUP_COLORS,
    figure_png,
    plot_ap_by_frequency,
    plot_class_differences,
    plot_confusion,
    plot_pareto,
    plot_reliability,
)
from longtail_det.visualization.style import UNSETTLED

NAN = float('nan')


@pytest.fixture
def table():
    return ClassTable(
        category_ids=np.array([2, 3, 5, 7]),
        names=('ant', 'bee', 'cat $x$', 'a_very_long_name_of_a_class_indeed'),
        groups=np.array(['r', 'r', 'c', 'f']),
        train_images=np.array([0, 8, 50, 900]),
        num_objects=np.array([3, 4, 5, 6]),
        ap={
            'base': {'bbox': np.array([0.1, 0.3, NAN, 0.5])},
            'new': {'bbox': np.array([0.25, 0.2, 0.5, 0.5])},
        },
    )


def test_every_class_with_an_ap_is_a_point_and_every_group_has_its_median(table):
    figure = plot_ap_by_frequency(table, 'bbox')
    for axes, run, medians in zip(figure.axes, table.ap, (['20.0', '50.0'], ['22.5', '50.0', '50.0']), strict=False):
        points = np.concatenate([c.get_offsets() for c in axes.collections])
        ap = table.ap[run]['bbox']
        assert sorted(points[:, 1].tolist()) == pytest.approx(sorted(100 * ap[np.isfinite(ap)]))
        assert [text.get_text() for text in axes.texts] == medians
        assert axes.get_title('left') == run
        assert points[:, 0].min() > 0  # a class without image has a place on the log axis
    figure_png(figure)
    with pytest.raises(ValueError, match='no run to draw'):
        plot_ap_by_frequency(ClassTable(*list(vars(table).values())[:5], ap={}), 'bbox')


def test_the_front_joins_the_runs_that_none_beats():
    runs = {
        name: {'segm': {'APr': r, 'APc': c, 'APf': f}}
        for name, r, c, f in [('a', 0.1, 0.2, 0.5), ('b', 0.3, 0.25, 0.4), ('c', 0.05, -1, 0.3)]
    }
    figure = plot_pareto(runs, 'segm')
    rare, common = figure.axes
    assert np.array(rare.lines[0].get_xydata()).tolist() == pytest.approx(np.array([[40, 30], [50, 10]]))
    assert len(rare.collections) == 3
    assert len(common.collections) == 2  # c has no AP of common classes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['a', 'b', 'c']
    figure_png(figure)
    with pytest.raises(ValueError, match='no run has bbox AP of frequent classes'):
        plot_pareto(runs, 'bbox')


def test_differences_are_sorted_named_and_in_points(table):
    everyone, extremes = plot_class_differences(table, 'new', 'base', 'bbox').axes
    assert sorted((bar.get_height() for bar in everyone.patches), reverse=True) == pytest.approx([15, 0, -10])
    assert [bar.get_width() for bar in extremes.patches] == pytest.approx([15, -10])  # no change, no name
    assert [tick.get_text() for tick in extremes.get_yticklabels()] == ['ant', 'bee']
    assert [to_hex(bar.get_facecolor()).upper() for bar in extremes.patches] == [GROUP_COLORS['r']] * 2
    labels = [text.get_text() for text in everyone.get_legend().get_texts()]
    assert labels == ['rare: mean +2.5, 1 better, 1 worse', 'frequent: mean +0.0, 0 better, 0 worse']


def test_classes_whose_difference_may_be_chance_are_grey(table):
    unsettled = np.array([False, True, True, True])
    everyone, extremes = plot_class_differences(table, 'new', 'base', 'bbox', unsettled).axes
    expected = [GROUP_COLORS['r'], UNSETTLED]
    assert [to_hex(bar.get_facecolor()).upper() for bar in extremes.patches] == expected
    handles = everyone.get_legend().get_patches()
    assert [to_hex(patch.get_facecolor()).upper() for patch in handles] == [GROUP_COLORS['r'], GROUP_COLORS['f']]


def test_two_runs_without_a_class_in_common_are_refused(table):
    table.ap['base']['bbox'][:] = NAN
    with pytest.raises(ValueError, match='no class has a bbox AP in both'):
        plot_class_differences(table, 'new', 'base', 'bbox')


def test_curves_are_precision_over_score():
    empty = Reliability(np.zeros(0), np.zeros(0), np.zeros(0, int), NAN)
    curve = reliability(np.array([0.95, 0.15, 0.15]), np.array([True, True, False]))
    figure = plot_reliability({'a': {'r': curve, 'f': empty}})
    (axes,) = figure.axes
    assert axes.lines[1].get_xydata().tolist() == pytest.approx(np.array([[15, 50], [95, 100]]))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['rare: error 25.0, 3 detections']
    assert len(plot_reliability({name: {'r': curve} for name in 'abc'}).axes) == 3
    figure_png(plot_reliability({'a': {'r': empty}}))
    with pytest.raises(ValueError, match='no run to draw'):
        plot_reliability({})


def test_shares_are_those_of_the_counts():
    found = Confusion(
        object_labels=np.array([0, 0, 0, 0, 1]),
        confused_with=np.array([-1, 1, 1, -2, -1]),
        detection_labels=np.array([0, 1, 1]),
        lies_on=np.array([-1, 0, -2]),
        groups=np.array(['r', 'f']),
    )
    figure = plot_confusion(found, ['ant', 'bee'])
    objects, detections, pairs = figure.axes
    rare = [bar.get_width() for bar in objects.patches if bar.get_y() < 0 < bar.get_y() + bar.get_height()]
    assert rare == pytest.approx([25, 0, 0, 50, 25])
    assert [tick.get_text() for tick in detections.get_yticklabels()] == [
        'rare\n1 detections',
        'common\n0 detections',
        'frequent\n2 detections',
    ]
    assert [tick.get_text() for tick in pairs.get_yticklabels()] == ['ant → bee']
    assert [bar.get_width() for bar in pairs.patches] == [2]
    none = Confusion(*(np.zeros(0, np.int64) for _ in range(4)), groups=np.array(['r', 'f']))
    assert len(plot_confusion(none, ['ant', 'bee']).axes) == 2
    figure_png(plot_confusion(none, ['ant', 'bee']))


def test_csv_holds_full_precision_and_nothing_for_nothing(table):
    rows = list(csv.DictReader(io.StringIO(classes_csv(table))))
    for run, metrics in table.ap.items():
        values = [row[f'{run} bbox_AP'] for row in rows]
        assert values == ['' if np.isnan(v) else repr(float(v)) for v in metrics['bbox']]
    assert [row['name'] for row in rows] == list(table.names)
    assert [int(row['train_images']) for row in rows] == [0, 8, 50, 900]
    third = 1 / 3
    rows = list(
        csv.DictReader(io.StringIO(results_csv({'a': {'bbox': {'AP': third, 'APr': -1}}, 'b': {'segm': {'AR': 0.5}}})))
    )
    assert rows[0] == {'run': 'a', 'metric': 'bbox', 'AP': repr(third), 'APr': '', 'AR': ''}
    assert rows[1] == {'run': 'b', 'metric': 'segm', 'AP': '', 'APr': '', 'AR': '0.5'}


def test_markdown_holds_the_tables(table):
    text = report_markdown('T', {'a|b': {'bbox': {'AP': 0.219}}}, {'config': 'c.py'}, ['a note'], table)
    assert '| a\\|b | Box AP | 21.9 | - |' in text
    assert '| base | Box AP | 20.0 | - | 50.0 |' in text
    assert '- a note' in text
    assert '- config: c.py' in text
