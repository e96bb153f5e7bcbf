"""From the folders of runs to CSV files, and from these alone to the page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from longtail_det.cli.study_scores import scores_of
from longtail_det.reports.study import Difference, Row, collect, publish, read_rows, stale_files

from .cases import SOURCE, finish_runs, make_study

RATES = {'ce_random': 0.5, 'eql_random': 0.9, 'eql_rfs': 0.5, 'ce_random+norcal': 0.6}


@pytest.fixture(scope='module')
def finished(tmp_path_factory) -> Path:
    """A folder in which the runs of a study are done and its CSV files are written."""
    folder = tmp_path_factory.mktemp('study')
    study = make_study(folder)
    finish_runs(study, RATES)
    collect(study, scores_of(study, jobs=1))
    return folder


@pytest.fixture
def place(finished, tmp_path) -> Path:
    """A copy of it."""
    shutil.copytree(finished, tmp_path / 'study')
    return tmp_path / 'study'


def test_a_run_is_a_row(place):
    study = make_study(place)
    rows = {(row.name, row.seed): row for row in read_rows(Path(study.out) / 'runs.csv', Row)}
    assert list(rows) == [
        (name, seed) for names in (list(RATES)[:3], list(RATES)[3:]) for seed in (0, 1) for name in names
    ]
    row = rows['eql_random', 1]
    assert (row.steps, row.commit, row.versions) == (600, 'abc', 'torch 2.11.0, mmdet 3.3.0')
    assert (row.train_wall_s, row.train_cpu_s, row.test_wall_s, row.peak_rss_mb) == (20.0, 22.0, 3.0, 900)
    assert row.box_ap == pytest.approx(np.mean([row.box_apr, row.box_apc, row.box_apf]))
    assert row.mask_ap == pytest.approx(row.box_ap)
    assert rows['ce_random+norcal', 0].of == 'ce_random'
    assert rows['ce_random+norcal', 0].steps is None


def test_a_detector_of_boxes_has_no_mask_ap(place):
    study = make_study(place)
    for seed in (0, 1):
        path = place / 'runs' / 'eql_random' / f'seed_{seed}' / 'results.json'
        records = json.loads(path.read_text())
        path.write_text(json.dumps([{k: v for k, v in r.items() if k != 'segmentation'} for r in records]))
    before = next(row for row in read_rows(Path(study.out) / 'runs.csv', Row) if row.name == 'eql_random')
    collect(study, scores_of(study, jobs=1))
    row = next(row for row in read_rows(Path(study.out) / 'runs.csv', Row) if row.name == 'eql_random')
    assert row.box_ap == before.box_ap
    assert row.mask_ap is None
    assert row.mask_apr is None
    found = read_rows(Path(study.out) / 'differences.csv', Difference)
    assert {d.metric for d in found if d.name == 'eql_random'} == {'box'}
    assert {d.metric for d in found if d.name == 'eql_rfs'} == {'box', 'mask'}
    publish(study, SOURCE)
    line = next(text for text in (Path(study.out) / 'README.md').read_text().splitlines() if '`eql_random`' in text)
    assert line.split('|')[5:7] == [' - ', ' - ']
    assert not stale_files(study, SOURCE)


def test_the_time_of_a_resumed_training_is_not_its_cost(place):
    study = make_study(place)
    log = place / 'runs' / 'ce_random' / 'seed_0' / '20260101_010000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 0.7, "step": 400}\n')
    collect(study, scores_of(study, jobs=1))
    rows = {(row.name, row.seed): row for row in read_rows(Path(study.out) / 'runs.csv', Row)}
    assert rows['ce_random', 0].train_cpu_s is None
    assert rows['ce_random', 1].train_cpu_s == 21.0


def test_the_same_detections_differ_by_exactly_zero(place):
    study = make_study(place)
    found = read_rows(Path(study.out) / 'differences.csv', Difference)
    same = [d for d in found if (d.name, d.baseline) == ('eql_rfs', 'ce_random')]
    assert len(same) == 8
    assert {(d.seeds, d.difference, d.low, d.high) for d in same} == {(2, 0.0, 0.0, 0.0)}
    better = next(d for d in found if (d.name, d.metric, d.group) == ('eql_random', 'box', ''))
    assert 0 < better.low < better.difference < better.high
    assert not better.interval.holds_zero


def test_a_difference_is_the_mean_of_those_of_the_seeds(place):
    study = make_study(place)
    rows = {(row.name, row.seed): row for row in read_rows(Path(study.out) / 'runs.csv', Row)}
    for d in read_rows(Path(study.out) / 'differences.csv', Difference):
        by_seed = [rows[d.name, s].ap(d.metric, d.group) - rows[d.baseline, s].ap(d.metric, d.group) for s in (0, 1)]
        assert d.difference == pytest.approx(np.mean(by_seed))


def test_the_page_comes_from_the_csv_files_alone(place):
    study = make_study(place)
    publish(study, SOURCE)
    page = (place / 'out' / 'README.md').read_text()
    shutil.rmtree(place / 'runs')
    files = {path: path.read_bytes() for path in (place / 'out').iterdir()}
    collect(study, scores_of(study, jobs=1))
    publish(study, SOURCE)
    assert {path: path.read_bytes() for path in (place / 'out').iterdir()} == files
    assert '| softmax CE | 2 |' in page
    assert '| ce_random+norcal | 2 |' in page
    for figure in ('differences.png', 'differences_mask.png', 'pareto.png', 'cost.png', 'classes.png'):
        assert f']({figure})' in page
        assert (place / 'out' / figure).is_file()


def test_a_run_that_comes_later_joins_those_whose_folders_are_gone(place):
    study = make_study(place)
    before = read_rows(Path(study.out) / 'differences.csv', Difference)
    shutil.rmtree(place / 'runs')
    finish_runs(study, {'crt_random': 0.7})
    collect(study, scores_of(study, jobs=1))
    rows = read_rows(Path(study.out) / 'runs.csv', Row)
    assert {row.name for row in rows} == {*RATES, 'crt_random'}
    # its baselines are not at hand, so nothing can be paired with it
    assert read_rows(Path(study.out) / 'differences.csv', Difference) == before


def test_a_changed_page_or_readme_is_stale(place):
    readme = place / 'README.md'
    readme.write_text('# Ours\n\n<!-- study -->\nold\n<!-- /study -->\nmore\n')
    study = make_study(place, readme=str(readme))
    page = place / 'out' / 'README.md'
    assert stale_files(study, SOURCE) == [page, readme]
    publish(study, SOURCE)
    assert stale_files(study, SOURCE) == []
    text = readme.read_text()
    assert text.startswith('# Ours\n\n<!-- study -->\n![Differences')
    assert text.endswith('<!-- /study -->\nmore\n')
    assert '](out/differences.png)' in text
    readme.write_text(text.replace('softmax CE | 2', 'softmax CE | 3'))
    assert stale_files(study, SOURCE) == [readme]


def test_a_readme_without_a_place_is_an_error(place):
    (place / 'README.md').write_text('# Ours\n')
    with pytest.raises(ValueError, match='no place for the study; add the lines <!-- study -->'):
        publish(make_study(place, readme=str(place / 'README.md')), SOURCE)


def test_a_study_without_a_row_is_an_error(tmp_path):
    study = make_study(tmp_path)
    collect(study, {})
    with pytest.raises(ValueError, match='no run is done yet'):
        publish(study, SOURCE)


def test_a_damaged_csv_file_is_named(place):
    path = place / 'out' / 'runs.csv'
    path.write_text(path.read_text().replace(',600,', ',many,', 1))
    with pytest.raises(ValueError, match=r'runs.csv: Expected `int'):
        collect(make_study(place), {})


def test_scores_of_other_detections_are_not_taken(place):
    study = make_study(place)
    results = place / 'runs' / 'ce_random' / 'seed_0' / 'results.json'
    results.write_text(results.read_text().replace('"score": 0.', '"score": 0.5', 1))
    before = scores_of(study, jobs=1)  # made anew
    assert before.keys() == {(name, seed) for name in RATES for seed in (0, 1)}
