"""The report of a run, as a user gets it."""

from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pycocotools.mask as mask_utils
import pytest
import torch
from PIL import Image

TOOL = Path(__file__).parents[2] / 'tools' / 'analysis' / 'report.py'


@pytest.fixture(scope='module')
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location('report_tool', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run_dir(tmp_path) -> Path:
    """Two images of two classes, a short training log, test results, config and predictions."""
    data = tmp_path / 'data'
    (data / 'images').mkdir(parents=True)
    square = [[4.0, 4.0, 14.0, 4.0, 14.0, 24.0, 4.0, 24.0]]
    gt = {
        'images': [{'id': i, 'height': 40, 'width': 30} for i in (1, 2)],
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


def error_line(report, capsys, argv) -> str:
    assert report.main([str(arg) for arg in argv]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith('report: ')]
    assert len(lines) == 1
    return lines[0]


def test_a_run_becomes_one_page_with_table_and_figures(report, run_dir, tmp_path, capsys):
    out = tmp_path / 'new' / 'page.html'
    assert report.main([str(run_dir), '--out', str(out)]) == 0
    html = out.read_text()
    assert html.count('src="data:image/png;base64,') == html.count('<img ') == 4
    for title in ('AP by frequency group', 'Losses', 'Class frequency', 'Ground truth and predictions'):
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


def test_a_run_that_was_only_tested_goes_without_curves_and_says_so(report, run_dir, capsys):
    shutil.rmtree(run_dir / '20250101_000000')
    assert report.main([str(run_dir), '--title', 'Tested']) == 0
    html = (run_dir / 'report.html').read_text()
    assert html.count('<img ') == 3
    assert '<h1>Tested</h1>' in html
    assert 'No training log in' in html
    assert 'No training log in' in capsys.readouterr().err


def test_flags_replace_what_the_config_says(report, run_dir, tmp_path):
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
    assert (run_dir / 'report.html').read_text().count('<img ') == 4


@pytest.mark.parametrize(
    ('gone', 'message'),
    [
        ('20250102_000000', 'no test results in {run}; make them with python tools/test.py {run}/cfg.py CHECKPOINT'),
        (
            'results.pkl',
            'no predictions at {run}/results.pkl; make them with python tools/test.py {run}/cfg.py CHECKPOINT',
        ),
        ('cfg.py', 'no config in {run}; name the annotation files with --ann and --train-ann'),
        ('../data/gt.json', 'class statistics file not found: {data}/gt.json'),
        ('../data/images/1.png', 'image not found: {data}/images/1.png; give the folder of the images with --img-root'),
    ],
)
def test_what_is_missing_is_one_line(report, run_dir, capsys, gone, message):
    path = run_dir / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    expected = message.format(run=run_dir, data=run_dir.parent / 'data')
    assert error_line(report, capsys, [run_dir]).startswith(f'error: {expected}')


def test_a_folder_that_is_not_there_is_one_line(report, tmp_path, capsys):
    assert error_line(report, capsys, [tmp_path / 'none']) == (
        f'error: no folder {tmp_path}/none; give the work directory of a run of tools/train.py'
    )


def test_help_holds_a_runnable_example(report, capsys):
    with pytest.raises(SystemExit) as stopped:
        report.main(['--help'])
    assert stopped.value.code == 0
    assert 'python tools/analysis/report.py work_dirs/quickstart --out' in capsys.readouterr().out
