from __future__ import annotations

import json

import pytest

from longtail_det.cli.error_text import error_text, errors_json
from longtail_det.evaluation.diagnosis import ERROR_TYPES, error_types, object_overlaps, optimal_lrp
from longtail_det.evaluation.lvis import detection_columns, ground_truth_table, match_detections


def found(gt, records):
    overlaps = object_overlaps(match_detections(ground_truth_table(gt, ['bbox']), detection_columns(records), 'bbox'))
    return error_types(overlaps), optimal_lrp(overlaps)


def test_text_and_json_hold_every_kind_by_group(lvis_case):
    errors, lrp = found(*lvis_case(0))
    values = json.loads(json.dumps(errors_json(errors, lrp)))
    assert list(values['AP50_lost']) == ['all', 'rare', 'common', 'frequent']
    lines = {line.split('|')[0].strip(): line.split('|')[1:] for line in error_text(errors, lrp).splitlines()}
    for kind in ERROR_TYPES:
        lost, counts = ([float(cell) for cell in lines[kind][part]] for part in (slice(0, 4), slice(4, 8)))
        assert lost == pytest.approx([100 * row[kind] for row in values['AP50_lost'].values()], abs=0.051)
        assert counts == [row[kind] for row in values['errors'].values()]
        assert counts[0] == sum(counts[1:])
    assert float(lines['oLRP'][0]) == pytest.approx(100 * values['LRP']['all']['lrp'], abs=0.051)


def test_what_is_undefined_is_none_and_a_dash(make_gt):
    gt = make_gt([(1, 3, [10.0, 10.0, 50.0, 40.0])])
    values = errors_json(*found(gt, []))
    assert values['AP50_lost']['rare']['missed'] is None
    assert values['LRP']['all'] == {
        'lrp': 1, 'localization': None, 'false_positive': None, 'false_negative': 1, 'threshold': None
    }  # fmt: skip
    line = next(line for line in error_text(*found(gt, [])).splitlines() if line.startswith('missed'))
    assert [cell.strip() for cell in line.split('|')[1:]] == ['-', '-', '-', '-', '1', '0', '0', '1']


def test_without_groups_there_is_one_column(make_gt):
    values = errors_json(*found(make_gt([(1, 1, [10.0, 10.0, 50.0, 40.0])], federated=False), []))
    assert list(values['errors']) == ['all']
