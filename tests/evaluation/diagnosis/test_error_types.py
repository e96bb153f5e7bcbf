from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.diagnosis import ERROR_TYPES, class_ap, error_types, object_overlaps
from longtail_det.evaluation.lvis import detection_columns, ground_truth_table, match_detections
from longtail_det.statistics import FREQUENCY_GROUPS

from .literal_matching import average_precision, box_iou, clean_case, match

BOX, OTHER = [10.0, 10.0, 50.0, 40.0], [70.0, 80.0, 60.0, 60.0]


def matched(gt, records, metric='bbox'):
    return match_detections(ground_truth_table(gt, [metric]), detection_columns(records, [metric]), metric)


def literal_kind(record):
    """Bolya et al., section 2.2, in the order of their program."""
    own = [box_iou(record, a) for a in record['there'] if a['category_id'] == record['category_id']]
    other = [box_iou(record, a) for a in record['there'] if a['category_id'] != record['category_id']]
    own, other = max(own, default=0), max(other, default=0)
    if record['truth'] is not None:
        return None
    if 0.1 <= own < 0.5:
        return 'localization'
    if other >= 0.5:
        return 'classification'
    if own >= 0.5:
        return 'duplicate'
    return 'background' if max(own, other) < 0.1 else 'both'


def literal_errors(gt, records):
    """Category id -> AP50, kind -> category id -> AP50 with this kind fixed, and the same of the counts."""
    ids = [category['id'] for category in gt['categories']]
    counted, partner = match(gt, records)
    kinds = [literal_kind(record) for record in counted]
    objects = {c: {a['id'] for a in gt['annotations'] if a['category_id'] == c} for c in ids}

    def target(record, kind):
        is_own = kind == 'localization'
        candidates = [a for a in record['there'] if (a['category_id'] == record['category_id']) == is_own]
        return max(candidates, key=lambda a: (box_iou(record, a), -a['id']))

    about = {
        target(record, kind)['id']
        for record, kind in zip(counted, kinds, strict=True)
        if kind in ('localization', 'classification')
    }
    missed = {a['id'] for a in gt['annotations']} - partner.keys() - about

    def ap(ranked, left):
        return {c: average_precision([hit for label, hit in ranked if label == c], len(left[c])) for c in ids}

    plain = [(record['category_id'], record['truth'] is not None) for record in counted]
    fixed, counts = {}, {}
    for fix in ERROR_TYPES:
        ranked, done = [], set()
        for record, kind in zip(counted, kinds, strict=True):
            if kind != fix:
                ranked.append((record['category_id'], kind is None))
            elif fix in ('localization', 'classification'):
                truth = target(record, kind)
                if truth['id'] not in partner and truth['id'] not in done:
                    done.add(truth['id'])
                    ranked.append((truth['category_id'], True))
        left = {c: objects[c] - missed for c in ids} if fix == 'missed' else objects
        fixed[fix] = ap(ranked, left)
        own = [record['category_id'] for record, kind in zip(counted, kinds, strict=True) if kind == fix]
        counts[fix] = {c: own.count(c) for c in ids}
    counts['missed'] = {c: len(objects[c] & missed) for c in ids}
    return ap(plain, objects), fixed, counts


@pytest.mark.parametrize('seed', range(6))
def test_kinds_and_gains_equal_a_literal_walk_over_the_detections(lvis_case, seed):
    gt, records = clean_case(*lvis_case(seed, num_images=16, num_classes=6, max_detections=30))
    scored = matched(gt, records)
    errors = error_types(object_overlaps(scored))
    ap, fixed, counts = literal_errors(gt, records)
    ids = scored.gt.category_ids.tolist()
    np.testing.assert_allclose(errors.ap, [ap[c] for c in ids], atol=1e-12)
    for kind in ERROR_TYPES:
        np.testing.assert_array_equal(errors.counts[kind], [counts[kind][c] for c in ids], err_msg=kind)
        np.testing.assert_allclose(errors.fixed[kind], [fixed[kind][c] for c in ids], atol=1e-12, err_msg=kind)
        for group in FREQUENCY_GROUPS:
            of_group = [c['id'] for c in gt['categories'] if c['frequency'] == group]
            gain = np.nanmean([fixed[kind][c] for c in of_group]) - np.nanmean([ap[c] for c in of_group])
            assert errors.lost(group)[kind] == pytest.approx(gain, abs=1e-12)
            assert errors.count(group)[kind] == sum(counts[kind][c] for c in of_group)


@pytest.mark.parametrize('metric', ['bbox', 'segm'])
def test_the_ap_is_that_of_the_evaluation_also_with_objects_to_ignore(lvis_case, metric):
    gt, records = lvis_case(3, num_images=20)
    scored = matched(gt, records, metric)
    errors = error_types(object_overlaps(scored))
    assert np.nanmean(errors.ap) == pytest.approx(scored.results()['AP50'], abs=1e-12)
    assert (np.isnan(errors.ap) == np.isnan(class_ap(scored.results(classwise=True), scored.gt.names))).all()


def found(category_id, box, score=0.5, image_id=1):
    return {'image_id': image_id, 'category_id': category_id, 'score': score, 'bbox': box}


def kinds_of(gt, records):
    errors = error_types(object_overlaps(matched(gt, records)))
    return {kind: count for kind, count in errors.count().items() if count}


@pytest.mark.parametrize(
    ('record', 'kind'),
    [
        (found(1, [10.0, 10.0, 20.0, 40.0]), 'localization'),
        (found(1, OTHER), 'classification'),
        (found(1, BOX, 0.2), 'duplicate'),
        (found(1, [100.0, 0.0, 9.0, 9.0]), 'background'),
        (found(1, [70.0, 80.0, 20.0, 60.0]), 'both'),
    ],
)
def test_each_kind_of_error(make_gt, record, kind):
    gt = make_gt([(1, 1, BOX), (1, 2, OTHER)])
    assert kinds_of(gt, [found(1, BOX, 0.9), found(2, OTHER, 0.9), record]) == {kind: 1}


def test_an_object_is_missed_unless_an_error_is_about_it(make_gt):
    gt = make_gt([(1, 1, BOX), (1, 2, OTHER)])
    assert kinds_of(gt, [found(1, BOX)]) == {'missed': 1}
    assert kinds_of(gt, [found(1, BOX), found(1, OTHER)]) == {'classification': 1}
    assert kinds_of(gt, []) == {'missed': 2}


def test_a_class_that_an_image_tells_nothing_of_makes_no_error(make_gt):
    gt = make_gt([(1, 1, BOX)], neg={1: [2]}, not_exhaustive={1: [1]})
    far = [100.0, 100.0, 9.0, 9.0]
    assert kinds_of(gt, [found(1, BOX, 0.9), found(3, BOX), found(1, far)]) == {}
    assert kinds_of(gt, [found(1, BOX, 0.9), found(2, BOX)]) == {'classification': 1}


def test_fixing_an_error_never_costs_and_a_right_detector_has_none(random_gt):
    records = [found(a['category_id'], a['bbox'], 0.5, a['image_id']) for a in random_gt['annotations']]
    errors = error_types(object_overlaps(matched(random_gt, records)))
    assert not any(errors.count().values())
    assert set(errors.lost().values()) == {0.0}
    wrong = [{**r, 'category_id': r['category_id'] % 6 + 1} if n % 3 == 0 else r for n, r in enumerate(records)]
    lost = error_types(object_overlaps(matched(random_gt, wrong))).lost()
    assert min(lost.values()) >= 0
    assert max(lost, key=lost.__getitem__) == 'classification'
