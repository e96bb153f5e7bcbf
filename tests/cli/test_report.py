"""The report of a run, as a user gets it."""

from __future__ import annotations

import csv
import json
import pickle
import shlex
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch
from PIL import Image

from longtail_det.cli import report
from longtail_det.metrics import LVISAPIMetric

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


@pytest.fixture
def run_dir(tmp_path) -> Path:
    """Two images of two classes, a short training log, test results, config and predictions."""
    data = tmp_path / 'data'
    (data / 'images').mkdir(parents=True)
    square = [[4.0, 4.0, 14.0, 4.0, 14.0, 24.0, 4.0, 24.0]]
    gt = {
        'images': [{'id': i, 'height': 40, 'width': 30, 'file_name': f'{i}.png'} for i in (1, 2)],
        'annotations': [
            {'id': i, 'image_id': i, 'category_id': i, 'bbox': [4, 4, 10, 20], 'area': 200, 'segmentation': square}
            for i in (1, 2)
        ],
        'categories': [{'id': 1, 'name': 'ant', 'frequency': 'r'}, {'id': 2, 'name': 'bee', 'frequency': 'f'}],
    }
    (data / 'gt.json').write_text(json.dumps(gt))
    rle = mask_utils.merge(mask_utils.frPyObjects(square, 40, 30))
    predictions = []
    for i in (1, 2):
        Image.fromarray(np.zeros((40, 30, 3), np.uint8)).save(data / 'images' / f'{i}.png')
        instances = {
            'bboxes': torch.tensor([[4.0, 4, 14, 24]]),
            'scores': torch.tensor([0.9]),
            'labels': torch.tensor([i - 1]),
            'masks': [rle],
        }
        predictions.append({'img_id': i, 'img_path': str(data / 'images' / f'{i}.png'), 'pred_instances': instances})
    run = tmp_path / 'my run'
    (run / '20250101_000000' / 'vis_data').mkdir(parents=True)
    (run / 'results.pkl').write_bytes(pickle.dumps(predictions))
    log = ''.join(json.dumps({'loss': 2.0 / s, 'loss_cls': 1.0 / s, 'step': s}) + '\n' for s in range(1, 9))
    (run / '20250101_000000' / 'vis_data' / 'scalars.json').write_text(log)
    (run / '20250102_000000').mkdir()
    results = {'lvis/bbox_AP': 0.219, 'lvis/bbox_APr': 0.106, 'lvis/bbox_APf': 0.552, 'lvis/segm_AP': 0.142}
    (run / '20250102_000000' / '20250102_000000.json').write_text(json.dumps(results))
    dataset = {'type': 'LVISDataset', 'data_root': f'{data}/', 'ann_file': 'gt.json'}
    (run / 'cfg.py').write_text(f'train_dataloader = test_dataloader = dict(dataset={dataset})')
    return run


def error_line(capsys, argv) -> str:
    assert report.main([str(arg) for arg in argv]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if ': error: ' in line]
    assert len(lines) == 1
    return lines[0].partition(': error: ')[2]


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


def read_csv(path):
    with path.open(newline='') as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def two_runs(run_dir) -> tuple[Path, Path]:
    """The run, and one that takes the rare object for the frequent class, its predictions a results json."""
    other = run_dir.with_name('worse')
    shutil.copytree(run_dir, other)
    shutil.rmtree(other / '20250102_000000')
    shutil.rmtree(run_dir / '20250102_000000')
    images = pickle.loads((other / 'results.pkl').read_bytes())
    (other / 'results.pkl').unlink()
    records = [
        {
            'image_id': image['img_id'],
            'category_id': 2,
            'score': 0.8,
            'bbox': [4, 4, 10, 20],
            'segmentation': {**rle, 'counts': rle['counts'].decode()},
        }
        for image in images
        for rle in image['pred_instances']['masks']
    ]
    (other / 'results.json').write_text(json.dumps(records))
    config = (other / 'cfg.py').read_text().replace('}', ", 'data_prefix': {'img': 'images'}}")
    (other / 'cfg.py').write_text(config)
    return run_dir, other


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


@pytest.fixture
def lone(two_runs, tmp_path) -> tuple[Path, Path]:
    """A results json without a run, and the annotations, whose categories tell of the training set as LVIS's do."""
    gt = json.loads((tmp_path / 'data' / 'gt.json').read_text())
    for category, count in zip(gt['categories'], (3, 300), strict=True):
        category['image_count'] = count
    (tmp_path / 'data' / 'images' / 'gt.json').write_text(json.dumps(gt))
    alone = tmp_path / 'elsewhere' / 'other detector.json'
    alone.parent.mkdir()
    shutil.copy(two_runs[1] / 'results.json', alone)
    return alone, tmp_path / 'data' / 'images' / 'gt.json'


def test_a_results_json_alone_becomes_a_page(lone, capsys):
    results, ann = lone
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


def test_galleries_of_other_groups_can_be_asked_for(two_runs):
    run = str(two_runs[0])
    assert report.main([run, '--galleries', 'frequent', '--num-images', '1', '--intervals', '0']) == 0
    html = (two_runs[0] / 'report.html').read_text()
    assert '<h3>Worst frequent classes</h3>' in html
    assert 'rare classes</h3>' not in html


def test_results_alone_go_without_images_and_training_set_and_say_so(lone, tmp_path, capsys):
    results, ann = lone
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


def test_results_alone_are_compared_and_told_apart(lone, two_runs, tmp_path):
    results, ann = lone
    first = str(two_runs[0] / 'results.pkl')
    out = tmp_path / 'both.html'
    options = ['--ann', str(ann), '--out', str(out), '--num-images', '0', '--intervals', '0']
    assert report.main(['--results', first, str(results), *options]) == 0
    assert {row['run'] for row in read_csv(out.with_suffix('.csv'))} == {'my run', 'other detector'}


def test_results_alone_need_their_objects(lone, capsys):
    results, ann = lone
    assert error_line(capsys, []).startswith('expected a RUN, a work directory, or --results FILE with --ann')
    assert error_line(capsys, ['--results', results]).startswith('--results without a RUN needs the objects of')
    gone = results.with_name('gone.json')
    assert error_line(capsys, ['--results', gone, '--ann', ann]) == f'no predictions at {gone}; correct --results'
    wrong = ['--results', results, '--ann', ann, '--names', 'a', 'b']
    assert error_line(capsys, wrong).startswith('--names gives 2 for 1 files')
