"""The report of results files without a run."""

from __future__ import annotations

import json
from html import unescape

from longtail_det.cli import report

from .report_cases import error_line, read_csv


def test_a_results_json_alone_becomes_a_page(results_alone, capsys):
    results, ann = results_alone
    assert report.main(['--results', str(results), '--ann', str(ann), '--metric', 'bbox']) == 0
    html = results.with_name('report.html').read_text()
    assert '<h1>other detector</h1>' in html
    for title in ('AP and training images of each class', 'Confusion', 'Ground truth and predictions'):
        assert f'<h2>{title}</h2>' in html
    for title in ('Worst rare classes', 'Worst frequent classes'):
        assert f'<h3>{title}</h3>' in html
    assert 'No common class has an object on the tested images' in html
    for absent in ('Losses', 'Class frequency', 'trained on', 'training log'):
        assert absent not in html
    rows = read_csv(results.with_name('report.classes.csv'))
    assert [(row['group'], row['train_images']) for row in rows] == [('r', '3'), ('f', '300')]
    assert 'bbox   | ' in capsys.readouterr().out


def test_results_alone_go_without_images_and_training_set_and_say_so(results_alone, tmp_path, capsys):
    results, ann = results_alone
    gt = json.loads(ann.read_text())
    gt['categories'] = [{'id': each['id'], 'name': each['name']} for each in gt['categories']]
    bare = tmp_path / 'elsewhere' / 'deep' / 'bare.json'
    bare.parent.mkdir()
    bare.write_text(json.dumps(gt))
    assert report.main(['--results', str(results), '--ann', str(bare), '--intervals', '0']) == 0
    html = unescape(results.with_name('report.html').read_text())
    assert f'No images: they are not near {bare}; give their folder with --img-root.' in html
    assert f'the categories lack image_count and frequency of {bare}; give --train-ann.' in html
    options = ['--train-ann', str(ann), '--img-root', str(ann.parent), '--intervals', '0']
    assert report.main(['--results', str(results), '--ann', str(bare), *options]) == 0
    assert '<h3>Worst rare classes</h3>' in results.with_name('report.html').read_text()


def test_results_alone_are_compared_and_told_apart(results_alone, two_runs, tmp_path):
    results, ann = results_alone
    first = str(two_runs[0] / 'results.pkl')
    out = tmp_path / 'both.html'
    options = ['--ann', str(ann), '--out', str(out), '--num-images', '0', '--intervals', '0']
    assert report.main(['--results', first, str(results), *options]) == 0
    assert {row['run'] for row in read_csv(out.with_suffix('.csv'))} == {'my run', 'other detector'}


def test_results_alone_need_their_objects(results_alone, capsys):
    results, ann = results_alone
    assert error_line(capsys, []).startswith('expected a RUN, a work directory, or --results FILE with --ann')
    assert error_line(capsys, ['--results', results]).startswith('--results without a RUN needs the objects of')
    gone = results.with_name('gone.json')
    assert error_line(capsys, ['--results', gone, '--ann', ann]) == f'no predictions at {gone}; correct --results'
    wrong = ['--results', results, '--ann', ann, '--names', 'a', 'b']
    assert error_line(capsys, wrong).startswith('--names gives 2 for 1 files')
