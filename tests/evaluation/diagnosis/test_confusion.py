from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.diagnosis import ClassTable, class_ap, confusion
from longtail_det.evaluation.diagnosis.confusion import BACKGROUND, MISSED, RIGHT
from longtail_det.evaluation.lvis import detection_columns, ground_truth_table, match_detections

LEFT, MIDDLE, RIGHT_BOX = [0.0, 0, 30, 30], [50.0, 0, 30, 30], [100.0, 0, 30, 30]


@pytest.fixture
def ask(make_gt):
    """Three objects of the rare class 1 on image 1, one of the frequent class 3 on image 2."""

    def answer(found, score_threshold=0.3, **kwargs):
        objects = [(1, 1, LEFT), (1, 1, MIDDLE), (1, 1, RIGHT_BOX), (2, 3, LEFT)]
        kwargs = {'neg': {1: [2, 3], 2: [1, 2]}, **kwargs}
        gt = ground_truth_table(make_gt(objects, 'rcf', 2, **kwargs))
        records = [{'image_id': i, 'category_id': c, 'bbox': box, 'score': s} for i, c, box, s in found]
        columns = detection_columns(records)
        return confusion(match_detections(gt, columns, 'bbox'), columns, score_threshold)

    return answer


def test_objects_are_found_taken_for_another_class_or_missed(ask):
    found = ask([(1, 1, LEFT, 0.9), (1, 3, MIDDLE, 0.8), (1, 2, MIDDLE, 0.5), (2, 3, LEFT, 0.2)])
    assert found.confused_with.tolist() == [RIGHT, 2, MISSED, MISSED]  # the better of two; 0.2 is below the threshold
    assert found.objects_by_group().tolist() == [[1, 0, 0, 1, 1], [0] * 5, [0, 0, 0, 0, 1]]
    assert found.top_pairs('r') == [(0, 2, 1)]
    assert found.top_pairs('c') == []


def test_a_found_object_stays_found_whatever_else_lies_on_it(ask):
    assert ask([(1, 3, LEFT, 0.9), (1, 1, LEFT, 0.4)]).confused_with[0] == RIGHT
    assert ask([(1, 3, LEFT, 0.9), (1, 1, LEFT, 0.4)], score_threshold=0.5).confused_with[0] == 2


def test_detections_are_right_on_another_object_or_on_background(ask):
    away = [0.0, 100, 30, 30]
    found = ask([(1, 1, LEFT, 0.9), (1, 1, LEFT, 0.8), (1, 1, away, 0.7), (2, 1, LEFT, 0.6), (1, 1, MIDDLE, 0.1)])
    assert found.detection_labels.tolist() == [0] * 4
    assert found.lies_on.tolist() == [RIGHT, 0, BACKGROUND, 2]
    assert found.detections_by_group().tolist() == [[1, 1, 0, 1, 1], [0] * 5, [0] * 5]


def test_a_detection_that_the_federated_rules_leave_open_is_not_counted(ask):
    detections = [(2, 1, LEFT, 0.9)]
    assert len(ask(detections).detection_labels) == 1
    assert len(ask(detections, neg={1: [2, 3], 2: [2]}).detection_labels) == 0  # nobody looked for class 1 there
    assert len(ask(detections, not_exhaustive={2: [1]}).detection_labels) == 0
    assert ask(detections, neg={}).confused_with[3] == 0  # the object is confused with it all the same


def test_no_detection_misses_everything(ask):
    found = ask([])
    assert (found.confused_with == MISSED).all()
    assert found.objects_by_group().sum() == 4
    assert found.detections_by_group().sum() == 0


def test_without_groups_it_says_so(ask):
    with pytest.raises(ValueError, match='needs groups'):
        ask([], federated=False)


def test_classes_are_ranked_and_their_medians_leave_out_what_has_no_ap():
    ap = class_ap({'AP/a': 0.2, 'AP/b': 0.2, 'AP/c': -1, 'AP/d': 0.1, 'AP/e': 0.5}, tuple('abcde'))
    table = ClassTable(
        category_ids=np.arange(5),
        names=tuple('abcde'),
        groups=np.array(list('rrrrf')),
        train_images=np.array([1, 9, 3, 4, 500]),
        num_objects=np.ones(5, int),
        ap={'x': {'bbox': ap}},
    )
    assert table.ranked('x', 'bbox').tolist() == [3, 1, 0]
    assert table.group_medians('x', 'bbox') == {'r': (4, 0.2), 'f': (500, 0.5)}
    assert np.nanmax(np.abs(table.difference('x', 'x', 'bbox'))) == 0
    assert np.isnan(table.difference('x', 'x', 'bbox')).tolist() == [False, False, True, False, False]
