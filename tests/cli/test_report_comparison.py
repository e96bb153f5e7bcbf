"""The report of several runs compares them and tells them apart."""

from __future__ import annotations

import pickle
import shutil

from longtail_det.cli import report
from longtail_det.metrics import LVISAPIMetric

from .report_cases import error_line, read_csv


def test_runs_are_compared(two_runs, tmp_path, capsys):
    out = tmp_path / 'new' / 'both.html'
    assert report.main([*map(str, two_runs), '--names', 'good', 'bad', '--out', str(out)]) == 0
    html = out.read_text()
    for title in (
        'Rare and common against frequent classes',
        'Differences to good by frequency group',
        'Differences by class: bad and good',
        'Confusion: good',
        'Confusion: bad',
        'Losses of bad',
    ):
        assert f'<h2>{title}</h2>' in html
    assert '<h1>good and bad</h1>' in html
    assert '<h3>Worst rare classes of good</h3>' in html
    # one of two objects is found twice by name: AP of its class stays 1 or 0.5, that of the other falls to 0
    metric = LVISAPIMetric(str(two_runs[0].parent / 'data' / 'gt.json'), metric=['bbox', 'segm'], classwise=True)
    metric.dataset_meta = {'classes': ('ant', 'bee')}
    for name, label in (('good', None), ('bad', 1)):
        images = pickle.loads((two_runs[0] / 'results.pkl').read_bytes())
        for image in images:
            if label is not None:
                image['pred_instances']['labels'][:] = label
        metric.process(None, images)
        expected = metric.evaluate(2)
        for row in read_csv(out.with_suffix('.csv')):
            if row['run'] == name:
                values = {key: float(value) for key, value in row.items() if key not in ('run', 'metric') and value}
                assert values.pop('AP_low') <= values['AP'] <= values.pop('AP_high')
                values = {key: value for key, value in values.items() if not key.endswith(('_low', '_high'))}
                assert len(values) > 5
                assert values == {key: expected[f'lvis/{row["metric"]}_{key}'] for key in values}
        for row in read_csv(out.with_suffix('.classes.csv')):
            for kind in ('bbox', 'segm'):
                assert float(row[f'{name} {kind}_AP']) == expected[f'lvis/{kind}_AP/{row["name"]}']
    rows = read_csv(out.with_suffix('.classes.csv'))
    assert [(row['category_id'], row['group'], row['train_images'], row['objects']) for row in rows] == [
        ('1', 'r', '1', '1'),
        ('2', 'f', '1', '1'),
    ]
    assert '| bad | Mask AP |' in out.with_suffix('.md').read_text()
    assert capsys.readouterr().out.startswith('good\nmetric')


def test_intervals_can_be_left_out(two_runs, tmp_path):
    out = tmp_path / 'plain.html'
    assert report.main([*map(str, two_runs), '--num-images', '0', '--intervals', '0', '--out', str(out)]) == 0
    assert 'Differences to' not in out.read_text()
    assert not [key for row in read_csv(out.with_suffix('.csv')) for key in row if key.endswith('_low')]


def test_runs_of_the_same_name_or_of_other_data_are_told_apart(two_runs, tmp_path, capsys):
    first, second = two_runs
    same = tmp_path / 'deep' / second.name
    shutil.copytree(second, same)
    assert error_line(capsys, [second, same]).startswith("two runs are called 'worse'; tell them apart with --n")
    (second / 'cfg.py').write_text((second / 'cfg.py').read_text().replace('gt.json', 'other.json'))
    assert 'compare runs on the same images, or give --ann' in error_line(capsys, [first, second])
    assert '--results gives 1 for 2 runs' in error_line(capsys, [first, second, '--results', first / 'results.pkl'])
    assert 'unrecognized arguments: --nme' in error_line(capsys, [first, '--nme', 'x'])


def test_galleries_of_other_groups_can_be_asked_for(two_runs):
    run = str(two_runs[0])
    assert report.main([run, '--galleries', 'frequent', '--num-images', '1', '--intervals', '0']) == 0
    html = (two_runs[0] / 'report.html').read_text()
    assert '<h3>Worst frequent classes</h3>' in html
    assert 'rare classes</h3>' not in html
