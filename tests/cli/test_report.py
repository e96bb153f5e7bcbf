"""The report of a run, as a user gets it."""

from __future__ import annotations

import json
import shlex
import shutil
from html import unescape

import pytest

from longtail_det.cli import report

from .report_cases import error_line, read_csv

SECTIONS = (
    'AP by frequency group',
    'AP and training images of each class',
    'Score calibration',
    'Errors by kind',
    'Confusion',
    'Ground truth and predictions',
    'Class frequency',
    'Losses',
)


def test_a_run_becomes_one_page_with_table_and_figures(run_dir, tmp_path, capsys):
    out = tmp_path / 'new' / 'page.html'
    assert report.main([str(run_dir), '--out', str(out)]) == 0
    html = out.read_text()
    assert html.count('src="data:image/png;base64,') == html.count('<img ') == len(SECTIONS)
    for title in (*SECTIONS, 'Classes', 'Galleries'):
        assert f'<h2>{title}</h2>' in html
    for text in (
        '<h1>my run</h1>',
        '>21.9<',
        '>10.6<',
        'cfg.py',
        'gt.json',
        'torch',
        'from 1 to 1 images',
        'tools/analysis/report.py',
    ):
        assert text in html
    printed = capsys.readouterr()
    assert 'bbox   | 21.9' in printed.out
    assert printed.out.endswith(f'report: {out}\n')
    assert 'drawing images ...' in printed.err
    assert 'cutting out the objects of the galleries ...' in printed.err


def test_a_run_that_was_only_tested_goes_without_curves_and_says_so(run_dir, capsys):
    shutil.rmtree(run_dir / '20250101_000000')
    assert report.main([str(run_dir), '--title', 'Tested']) == 0
    html = (run_dir / 'report.html').read_text()
    assert html.count('<img ') == len(SECTIONS) - 1
    assert '<h1>Tested</h1>' in html
    assert 'No training log in' in html
    assert 'No training log in' in capsys.readouterr().err


def test_flags_replace_what_the_config_says(run_dir, tmp_path):
    moved = tmp_path / 'moved'
    shutil.move(tmp_path / 'data', moved)
    (run_dir / 'results.pkl').rename(moved / 'r.pkl')
    (run_dir / 'cfg.py').unlink()
    flags = [
        '--ann',
        moved / 'gt.json',
        '--train-ann',
        moved / 'gt.json',
        '--img-root',
        moved,
        '--results',
        moved / 'r.pkl',
    ]
    assert report.main([str(arg) for arg in (run_dir, *flags)]) == 0
    assert (run_dir / 'report.html').read_text().count('<img ') == len(SECTIONS)


@pytest.mark.parametrize(
    ('gone', 'message'),
    [
        ('cfg.py', 'no config in {run}; name the annotation files with --ann and --train-ann'),
        ('../data/gt.json', 'class statistics file not found: {data}/gt.json'),
        ('../data/images/1.png', 'image not found: {data}/images/1.png; give the folder of the images with --img-root'),
    ],
)
def test_what_is_missing_is_one_line(run_dir, capsys, gone, message):
    path = run_dir / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    expected = message.format(run=run_dir, data=run_dir.parent / 'data')
    assert error_line(capsys, [run_dir]).startswith(expected)


def test_without_predictions_the_report_is_shorter_and_names_the_command(run_dir, capsys):
    (run_dir / 'results.pkl').unlink()
    assert report.main([str(run_dir)]) == 0
    html = (run_dir / 'report.html').read_text()
    assert [title for title in SECTIONS if f'<h2>{title}</h2>' in html] == [SECTIONS[0], *SECTIONS[-2:]]
    note = 'No predictions of my run, so neither figures by class nor images; make them with python tools/test.py'
    assert note in unescape(html)
    assert note in capsys.readouterr().err
    assert note in (run_dir / 'report.md').read_text()
    assert not (run_dir / 'report.classes.csv').exists()


def test_predictions_alone_are_scored(run_dir):
    shutil.rmtree(run_dir / '20250102_000000')
    assert report.main([str(run_dir)]) == 0
    rows = read_csv(run_dir / 'report.csv')
    assert [(row['metric'], float(row['AP'])) for row in rows] == [
        ('bbox', pytest.approx(1)),
        ('segm', pytest.approx(1)),
    ]
    assert 'scored now, 2 images' in (run_dir / 'report.html').read_text()


def test_neither_results_nor_predictions_is_one_line(run_dir, capsys):
    shutil.rmtree(run_dir / '20250102_000000')
    (run_dir / 'results.pkl').unlink()
    config = shlex.quote(f'{run_dir}/cfg.py')
    expected = f'no test results in {run_dir}; make them with python tools/test.py {config} CHECKPOINT'
    assert error_line(capsys, [run_dir]).startswith(expected)


def test_no_images_and_another_metric_can_be_asked_for(run_dir, capsys):
    shutil.rmtree(run_dir.parent / 'data' / 'images')
    assert report.main([str(run_dir), '--num-images', '0', '--metric', 'bbox']) == 0
    html = (run_dir / 'report.html').read_text()
    assert '<h2>Galleries</h2>' not in html
    assert '<h2>Classes</h2>' in html
    assert 'Confusion' in html


def test_classes_that_the_training_set_does_not_know_are_noted(run_dir, tmp_path, capsys):
    stats = {'image_count': [5], 'instance_count': [5], 'num_images': 9, 'names': ['ant']}
    (tmp_path / 'stats.json').write_text(json.dumps(stats))
    assert report.main([str(run_dir), '--train-ann', str(tmp_path / 'stats.json')]) == 0
    assert 'stats.json does not know all classes of' in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_one_line(tmp_path, capsys):
    assert error_line(capsys, [tmp_path / 'none']) == (
        f'no folder {tmp_path}/none; give the work directory of a run of tools/train.py'
    )
