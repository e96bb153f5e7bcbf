"""Every bad input is one line and exit code 2, whichever command reads it: never silent, a traceback or a hang."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from longtail_det import cli
from longtail_det.checks import InputError
from longtail_det.cli import eval as _eval  # noqa: F401  (the forks find everything imported)
from longtail_det.cli.errors import describe
from longtail_det.datasets import LVISDataset

from ..annotation_files import good_records
from .bad_files import ANNOTATIONS, FILES, FREQUENCIES, spoiled
from .bad_results import RESULT, RESULTS
from .forks import in_fork

PIPELINE = [{'type': 'LoadAnnotations', 'with_bbox': True, 'with_mask': True}]
#: no fault where masks are not asked for
WITHOUT_A_MASK = {'segmentation []', 'segmentation {}', 'segmentation null', 'segmentation missing'}


@pytest.fixture(scope='module')
def place(tmp_path_factory) -> Path:
    """A folder with the images of the good file, empty, and good results."""
    logging.disable(logging.INFO)
    folder = tmp_path_factory.mktemp('place')
    for record in good_records()['images']:
        path = folder / '/'.join(record['coco_url'].split('/')[-2:])
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (folder / 'good.json').write_text(json.dumps(good_records()))
    (folder / 'good_results.json').write_text(json.dumps([RESULT]))
    yield folder
    logging.disable(logging.NOTSET)


def train(folder: Path, path: Path) -> int:
    """Open a training set with masks, as a run does."""
    try:
        LVISDataset(ann_file=str(path), data_root=str(folder), pipeline=PIPELINE, store=False)
    except (ValueError, OSError) as error:
        print(f'train: error: {describe(error)}' if '\n' not in str(error) else error)
        return 2
    return 0


def evaluate(folder: Path, ann: str, results: str) -> int:
    """Score masks."""
    arguments = ['--ann', str(folder / ann), '--results', str(folder / results), '--metric', 'bbox', 'segm']
    return cli.main(['eval', *arguments])


def count(path: Path) -> int:
    """Count the classes."""
    return cli.main(['class-statistics', '--ann', str(path), '--out', str(path.with_suffix('.counts'))])


def require_one_line(endings, wanted: str) -> None:
    """Compare what was seen with what is expected."""
    seen = [(ending.kind, ending.line) for ending in endings]
    assert {kind for kind, _ in seen} == {'one line'}, seen
    assert all(wanted in line for _, line in seen), seen


def test_the_good_file_is_taken_by_all(place):
    endings = in_fork(
        lambda: train(place, place / 'good.json'),
        lambda: evaluate(place, 'good.json', 'good_results.json'),
        lambda: count(place / 'good.json'),
    )
    assert [ending.code for ending in endings] == [0, 0, 0], endings


@pytest.mark.parametrize('name', ANNOTATIONS)
def test_annotations(name, place):
    spoil, wanted = ANNOTATIONS[name]
    path = place / 'bad.json'
    path.write_text(json.dumps(spoiled(spoil)))
    steps = [lambda: train(place, path), lambda: evaluate(place, 'bad.json', 'good_results.json')]
    endings = in_fork(*steps, *([] if name in WITHOUT_A_MASK else [lambda: count(path)]))
    require_one_line(endings, wanted)
    assert all('bad.json' in ending.line for ending in endings)


@pytest.mark.parametrize('name', FREQUENCIES)
def test_frequencies(name, place):
    spoil, wanted = FREQUENCIES[name]
    (place / 'bad.json').write_text(json.dumps(spoiled(spoil)))
    require_one_line(in_fork(lambda: evaluate(place, 'bad.json', 'good_results.json')), wanted)


@pytest.mark.parametrize('name', FILES)
def test_files(name, place):
    content, wanted = FILES[name]
    path = place / 'bad.json'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    endings = in_fork(
        lambda: train(place, path), lambda: evaluate(place, 'bad.json', 'good_results.json'), lambda: count(path)
    )
    require_one_line(endings, wanted)


@pytest.mark.parametrize('name', RESULTS)
def test_results(name, place):
    content, wanted = RESULTS[name]
    path = place / 'results.json'
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    require_one_line(in_fork(lambda: evaluate(place, 'good.json', 'results.json')), wanted)


def test_results_that_do_not_fit_into_memory_are_one_line(place, monkeypatch):
    def too_much(*args):
        raise MemoryError('cannot allocate 99 TiB')

    monkeypatch.setattr('longtail_det.cli.eval.read_results', too_much)
    require_one_line(in_fork(lambda: evaluate(place, 'good.json', 'good_results.json')), 'not enough memory')


#: command line -> what the line says
COMMANDS = {
    'report RUN --num-images -3': 'found -3, expected a whole number, at least 0',
    'report RUN --num-images x': 'found x, expected a whole number',
    'report RUN --score-thr nan': 'found nan, expected a finite number, at least 0 and at most 1',
    'report RUN --score-thr 5': 'found 5, expected a finite number, at least 0 and at most 1',
    'plot-class-frequency --ann A --out a.png --oversample-thr x': 'found x, expected a finite number',
    'plot-class-frequency --ann A --out a.png --oversample-thr nan': 'found nan, expected a finite number',
    'plot-class-frequency --ann A --out a.png --oversample-thr 2': 'at most 1',
    'plot-class-frequency --ann A --out a.png --rio-replay -1': 'found -1, expected a whole number',
    'plot-class-frequency --ann A --out a.png --images-per-step 0': 'found 0, expected a whole number, at least 1',
    'make-glyphs --out OUT --workers 0': 'found 0, expected a whole number, at least 1',
    'make-glyphs --out OUT --workers -2': 'found -2, expected a whole number, at least 1',
    'make-glyphs --out OUT --repeats inf': 'found inf, expected a finite number',
    'make-glyphs --out OUT --repeats nan': 'found nan, expected a finite number',
    'make-glyphs --out OUT --repeats 1e9': 'repeats=1000000000.0; expected a finite number',
    'make-glyphs --out OUT --image-size 1000000': 'at least 64 and at most 4096',
    'make-glyphs --out OUT --num-train 0': 'num_train=0; expected a whole number',
    'make-glyphs --out OUT --num-val 10000000000': 'num_val=10000000000; expected a whole number',
    'make-glyphs --out OUT --num-classes 5000': 'num_classes=5000; expected a whole number',
    'make-glyphs --out OUT --seed -1': 'seed=-1; expected a whole number',
    'make-glyphs --out OUT --zipf-exponent nan': 'found nan, expected a finite number',
    'make-glyphs --out OUT --rare-share 1.5': 'rare_share=1.5; expected at least 0 and below 1',
    'download-lvis --annotations-url nonsense': "found 'nonsense', expected the http(s) address of a folder",
    'download-lvis --images-url file:///etc': 'expected the http(s) address of a folder',
    'download-lvis --annotations-url http://': 'expected the http(s) address of a folder',
    'train C --seed -1': 'found -1, expected a whole number',
    'train C --seed 1e9': 'found 1e9, expected a whole number',
    'train C --accumulate 0': 'found 0, expected a whole number, at least 1',
    'test C P --wait-time nan': 'found nan, expected a finite number',
    'calibrate C P --strengths nan': 'found nan, expected a finite number',
}


@pytest.mark.parametrize('line', COMMANDS)
def test_commands(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    require_one_line(in_fork(lambda: cli.main(line.split())), COMMANDS[line])
    assert not list(tmp_path.iterdir())


CONFIG = """
model = dict(
    test_cfg=dict(rpn=dict(nms_pre=1000), rcnn=dict(score_thr=0.05, max_per_img=100, nms=dict(iou_threshold=0.5))),
    roi_head=dict(bbox_head=[dict(num_classes=3, loss_cls=dict(type='CrossEntropyLoss', loss_weight=1.0))]))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=10, val_interval=5)
train_dataloader = dict(batch_size=2, num_workers=0, dataset=dict(oversample_thr=0.001))
optim_wrapper = dict(optimizer=dict(lr=0.1, weight_decay=0.0), clip_grad=dict(max_norm=35))
default_hooks = dict(checkpoint=dict(interval=5))
"""
#: key -> values of which each is one line
VALUES = {
    'train_cfg.max_iters': (0, -5, 'nan', 'x', 1.5),
    'train_cfg.val_interval': (0, -1),
    'train_dataloader.batch_size': (0, -5, 'x'),
    'train_dataloader.num_workers': (-1, 'x'),
    'train_dataloader.dataset.oversample_thr': ('nan', 'x', 2),
    'model.test_cfg.rcnn.max_per_img': (-5, 0, 'x'),
    'model.test_cfg.rcnn.score_thr': ('nan', 'x', -1, 2),
    'model.test_cfg.rcnn.nms.iou_threshold': ('nan', 5),
    'model.test_cfg.rpn.nms_pre': (-5, 'x'),
    'model.roi_head.bbox_head.0.loss_cls.loss_weight': ('a', 'nan', -1),
    'model.roi_head.bbox_head.0.num_classes': (0, 'x'),
    'optim_wrapper.optimizer.lr': ('nan', -1, 'x', 'inf'),
    'optim_wrapper.clip_grad.max_norm': (0, 'nan'),
    'default_hooks.checkpoint.interval': (0, -5),
}


@pytest.mark.parametrize('key', VALUES)
def test_config_values(key, tmp_path):
    from longtail_det.cli.config import apply_options, read_config
    from longtail_det.cli.config_values import check_values
    from longtail_det.cli.errors import UserError

    (tmp_path / 'config.py').write_text(CONFIG)
    check_values(read_config(str(tmp_path / 'config.py'), []))
    for value in VALUES[key]:
        cfg = read_config(str(tmp_path / 'config.py'), [])
        given = float(value) if value in ('nan', 'inf') else value
        if given is value:
            apply_options(cfg, [f'{key}={value}'])
        else:
            cfg.merge_from_dict({key: given})
        with pytest.raises(UserError, match='the config has ') as caught:
            check_values(cfg)
        assert f'{key}={given!r}; expected' in str(caught.value)


def test_a_bad_value_of_a_config_ends_a_run_in_one_line(tmp_path):
    from longtail_det.cli import runner, train  # noqa: F401

    path = tmp_path / 'config.py'
    path.write_text(CONFIG)
    steps = [
        lambda: cli.main(['train', str(path), '--cfg-options', 'train_cfg.max_iters=0']),
        lambda: cli.main(['train', str(path), '--cfg-options', 'model.test_cfg.rcnn.max_per_img=-5']),
    ]
    require_one_line(in_fork(*steps), 'expected a whole number, at least 1')


def test_results_files_below_a_file_and_images_of_another_file_are_one_line(place):
    from longtail_det.metrics import FastLVISMetric

    options = {'ann_file': str(place / 'good.json'), 'store': False}
    for prefix in (str(place / 'good.json' / 'x'), '', 7):
        with pytest.raises(ValueError, match=r'outfile_prefix=.*expected'):
            FastLVISMetric(outfile_prefix=prefix, **options)
    metric = FastLVISMetric(**options)
    metric.dataset_meta = {'classes': ('cat', 'dog', 'tree', 'street_sign')}
    found = {'bboxes': np.zeros((0, 4)), 'scores': np.zeros(0), 'labels': np.zeros(0, dtype=np.int64)}
    with pytest.raises(InputError, match='image id 77 was predicted but is not among the 2 images'):
        metric.process({}, [{'img_id': 77, 'pred_instances': found}])


@pytest.mark.parametrize('indices', [0, []])
def test_a_subset_of_nothing_is_one_line(indices, place):
    with pytest.raises(ValueError, match='leaves no image; expected'):
        LVISDataset(ann_file=str(place / 'good.json'), data_root=str(place), indices=indices, store=False)
