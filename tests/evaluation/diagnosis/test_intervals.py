from __future__ import annotations

import numpy as np
import pytest

from longtail_det.evaluation.diagnosis import ResampledAP, resample_ap, resample_detections
from longtail_det.evaluation.lvis import detection_columns, ground_truth_table, match_detections

NUM_CLASSES = 9


def resampled(gt, records, resamples=20, seed=0, img_ids=None):
    table = ground_truth_table(gt, ['bbox'])
    return resample_detections(match_detections(table, detection_columns(records), 'bbox', img_ids), resamples, seed)


def test_the_points_are_those_of_the_evaluation(lvis_case):
    gt, records = lvis_case(0)
    scored = match_detections(ground_truth_table(gt, ['bbox']), detection_columns(records), 'bbox')
    expected = scored.results(classwise=True)
    for key, interval in resample_detections(scored, 20).intervals(classwise=True).items():
        value = expected[key] if expected[key] >= 0 else np.nan
        assert interval.point == pytest.approx(value, abs=1e-12, nan_ok=True), key
        assert not interval.low > interval.point > interval.high


def test_identical_runs_differ_by_exactly_zero(lvis_case):
    gt, records = lvis_case(1)
    differences = resampled(gt, records).difference(resampled(gt, list(records)), classwise=True)
    assert differences['AP'] == (0, 0, 0)
    assert all(values == (0, 0, 0) or np.isnan(values).all() for values in differences.values())


def test_runs_that_are_not_paired_are_refused(lvis_case):
    gt, records = lvis_case(2)
    run = resampled(gt, records)
    with pytest.raises(ValueError, match='the runs have other images, so they are not paired'):
        run.difference(resampled(gt, records, img_ids=[image['id'] for image in gt['images'][:5]]))
    with pytest.raises(ValueError, match='the runs have other resamples'):
        ResampledAP.average([run, resampled(gt, records, seed=1)])


def test_the_average_of_runs_draws_all_but_one_of_them_in_each_resample(lvis_case):
    gt, records = lvis_case(3)
    a, b, c = resampled(gt, records), resampled(gt, records[::2]), resampled(gt, records[::3])
    mean = ResampledAP.average([a, b, c])
    assert mean.intervals()['AP'].point == pytest.approx(np.mean([run.intervals()['AP'].point for run in (a, b, c)]))
    means = [(one.resampled + other.resampled) / 2 for one in (a, b, c) for other in (a, b, c)]
    found = np.isclose(mean.resampled, means, rtol=0, atol=1e-12, equal_nan=True).all(axis=2)
    assert found.any(axis=0).all()
    np.testing.assert_array_equal(ResampledAP.average([a]).resampled, a.resampled)


def seeds_of(gain, trainings, images, rng):
    """Runs of a method whose AP is `gain` plus what the training and the tested images add; one class."""
    return [
        ResampledAP(np.array([gain + luck]), (gain + luck + images)[:, None], ('a',), None, np.arange(4), 0)
        for luck in rng.normal(scale=trainings, size=3)
    ]


@pytest.mark.parametrize('trainings', [0.0, 0.5, 1.5])
def test_intervals_over_seeds_cover_the_difference_of_other_trainings(trainings):
    rng, covered, num_studies = np.random.default_rng(0), 0, 400
    for _ in range(num_studies):
        error = rng.normal()  # of these images, which both methods are tested on
        images = rng.normal(size=400)
        method = ResampledAP.average(seeds_of(0.3 + error, trainings, images, rng))
        baseline = ResampledAP.average(seeds_of(0.0, trainings, np.zeros(400), rng))
        interval = method.difference(baseline)['AP']
        covered += interval.low <= 0.3 <= interval.high
    assert covered / num_studies == pytest.approx(0.95, abs=0.035)


def test_a_method_with_itself_differs_by_exactly_zero_over_seeds():
    rng = np.random.default_rng(0)
    runs = seeds_of(0.3, 1.0, rng.normal(size=50), rng)
    assert ResampledAP.average(runs).difference(ResampledAP.average(list(runs)))['AP'] == (0, 0, 0)


def test_classes_without_an_object_in_a_resample_drop_out_of_its_mean():
    ap = np.array([[0.5, 0.1, np.nan], [np.nan, 0.3, np.nan], [np.nan] * 3])
    groups, names = np.array(['r', 'c', 'f']), ('a', 'b', 'c')
    run = ResampledAP(np.array([0.5, 0.3, np.nan]), ap, names, groups, np.arange(4), 0)
    means = run._means(classwise=False)
    np.testing.assert_allclose(means['AP'], [0.4, 0.3, 0.3, np.nan])
    np.testing.assert_allclose(means['APr'], [0.5, 0.5, np.nan, np.nan])
    assert np.isnan(run.intervals()['APf']).all()


def population(num_images, rng):
    """Images with up to six objects in cells of a grid, frequent classes first; two detectors, the second better."""
    share = 1 / np.arange(1, NUM_CLASSES + 1)
    images, annotations, records = [], [], ([], [])
    for image_id in range(1, num_images + 1):
        labels = rng.choice(NUM_CLASSES, rng.integers(1, 7), p=share / share.sum())
        images.append({'id': image_id, 'height': 100, 'width': 600})
        for cell, label in enumerate(labels.tolist()):
            box = [100.0 * cell, 0.0, 80.0, 80.0]
            annotations.append({'id': len(annotations) + 1, 'image_id': image_id, 'category_id': label + 1})
            annotations[-1] |= {'bbox': box, 'area': 6400.0}
            difficulty = rng.normal()
            for detector, skill in enumerate((0.6, 0.9)):
                quality = skill - difficulty + rng.normal(scale=0.5)
                named = label if quality > 0 else int(rng.integers(NUM_CLASSES))
                width = 80 / (1 + 0.5 * np.exp(-quality))
                score = 1 / (1 + np.exp(-quality - rng.normal()))
                found = {'image_id': image_id, 'category_id': named + 1, 'score': score, 'bbox': [box[0], 0, width, 80]}
                records[detector].append(found)
    categories = [{'id': c, 'name': f'{c}', 'frequency': 'fffcccrrr'[c - 1]} for c in range(1, NUM_CLASSES + 1)]
    return {'images': images, 'annotations': annotations, 'categories': categories}, records


def test_intervals_cover_the_expected_ap_as_often_as_they_say():
    """Expected: 0.95. A group of three classes of few images gives somewhat less, as 400 images do: 0.92 to 0.95."""
    rng, num_sets, size = np.random.default_rng(0), 60, 200
    gt, records = population(num_sets * size, rng)
    table = ground_truth_table(gt, ['bbox'])
    scored = [match_detections(table, detection_columns(found), 'bbox') for found in records]
    points, ends, unpaired = [], [], []
    for rows in np.arange(num_sets * size).reshape(num_sets, size):
        runs = []
        for run in scored:
            matches = run.matches.select(slice(*np.searchsorted(run.matches.images, [rows[0], rows[-1] + 1])))
            runs.append(resample_ap(table, rows, matches, matches.in_max_dets, 80))
        own, differences = runs[0].intervals(), runs[1].difference(runs[0])
        intervals = [*own.values(), *differences.values()]
        points.append([interval.point for interval in intervals])
        ends.append([interval[1:] for interval in intervals])
        unpaired.append(own['AP'].high - own['AP'].low)
    truth, (low, high) = np.mean(points, axis=0), np.moveaxis(ends, -1, 0)
    coverage = ((low <= truth) & (truth <= high)).mean(axis=0)
    assert coverage.mean() == pytest.approx(0.95, abs=0.04)
    assert coverage.min() > 0.84
    # without pairing the difference would be less certain than one run by the square root of two
    assert np.mean(high[:, 4] - low[:, 4]) < 1.1 * np.mean(unpaired)
