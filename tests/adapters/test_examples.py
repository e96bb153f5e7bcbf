"""The examples of the docs run as they are written, where mmdet cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..test_core import WITHOUT_OPENMMLAB

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def glyphs(tmp_path_factory):
    pytest.importorskip('cv2', reason='LongTailGlyphs are drawn by cv2')
    from longtail_det.synthetic import GlyphsConfig, make_glyphs

    folder = tmp_path_factory.mktemp('glyphs') / 'tiny'
    options = GlyphsConfig(num_classes=3, num_train=30, num_val=10, image_size=64, head_share=0.5, val_instances=2)
    make_glyphs(folder, options, progress=False, workers=1)
    return folder


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, '-c', f'{WITHOUT_OPENMMLAB}\nimport runpy\nsys.argv = sys.argv[1:]\n{code}', *arguments],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), *filter(None, sys.path)]), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize('loss', ['SeesawLoss', 'FedLoss'])
def test_faster_rcnn_trains_and_its_results_are_scored(glyphs, tmp_path, loss):
    train, val = (str(glyphs / f'annotations/glyphs_{split}.json') for split in ('train', 'val'))
    results = tmp_path / 'results.json'
    example = str(ROOT / 'docs/examples/torchvision_faster_rcnn.py')
    options = ['--images', str(glyphs), '--steps', '2', '--batch-size', '2', '--size', '64', '--loss', loss]
    options += ['--device', 'cpu', '--out', str(results)]
    printed = run(
        "runpy.run_path(sys.argv[0], run_name='__main__')", example, '--ann', train, '--test-ann', val, *options
    )
    assert printed.count('loss_classifier') == 2
    records = json.loads(results.read_text())
    assert f'{len(records)} detections on 10 images' in printed
    known = {category['id'] for category in json.loads(Path(val).read_text())['categories']}
    assert {record['category_id'] for record in records} <= known
    scored = run(
        "sys.argv[0] = 'longtail-det'\nfrom longtail_det.cli import main\nsys.exit(main())",
        'eval', 'eval', '--ann', val, '--results', str(results),
    )  # fmt: skip
    assert 'APr' in scored
