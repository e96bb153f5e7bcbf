"""A study of two methods on detections that are drawn at random, with the files its runs leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from longtail_det.reports.study import Study, parse_study, study_runs

SOURCE = 'study.yml'
CLASSES = ('ant', 'bee', 'cow')


def study_values(folder: Path, **changes: Any) -> dict[str, Any]:
    """Return the values of a study's file; its folders are in `folder`."""
    entries = [
        {'method': 'ce', 'sampler': 'random', 'title': 'softmax CE'},
        {'method': 'eql', 'sampler': ['random', 'rfs'], 'baseline': 'ce_random'},
        {'method': 'crt', 'sampler': 'random', 'first_stage': 'ce_random', 'baseline': 'eql_random'},
    ]
    later = [{'of': 'ce_random', 'calibration': ['norcal', 'norcal-best', 'logn']}]
    values = {
        'title': 'A study',
        'config': 'configs/{method}_{sampler}.py',
        'train_ann': str(folder / 'train.json'),
        'test_ann': str(folder / 'test.json'),
        'work_dir': str(folder / 'runs'),
        'out': str(folder / 'out'),
        'seeds': [0, 1],
        'baseline': 'ce_random',
        'sections': [{'title': 'Methods', 'runs': entries}, {'title': 'Calibration', 'runs': later}],
    }
    return {**values, **changes}


def make_study(folder: Path, **changes: Any) -> Study:
    """Return a study whose annotation files are there."""
    _write_annotations(folder)
    return parse_study(study_values(folder, **changes), SOURCE)


def _write_annotations(folder: Path) -> None:
    for name, count in (('train.json', 130), ('test.json', 12)):
        frequency = dict(zip(CLASSES, 'rcf', strict=True))
        images = [{'id': i, 'width': 50, 'height': 50, 'file_name': f'{i}.png'} for i in range(1, count + 1)]
        square = [[5.0, 5, 25, 5, 25, 25, 5, 25]]
        annotations = []
        for image in images:
            # ant on one training image in thirteen, bee on half of them, cow on all
            shown = [c for c, every in ((1, 13), (2, 2), (3, 1)) if name == 'test.json' or image['id'] % every == 0]
            annotations += [
                {'image_id': image['id'], 'category_id': c, 'bbox': [5, 5, 20, 20], 'area': 400, 'segmentation': square}
                for c in shown
            ]
        for i, annotation in enumerate(annotations, start=1):
            annotation['id'] = i
        categories = [{'id': i, 'name': c, 'frequency': frequency[c]} for i, c in enumerate(CLASSES, start=1)]
        content = {'images': images, 'annotations': annotations, 'categories': categories}
        (folder / name).write_text(json.dumps(content))


def finish_runs(study: Study, hit_rates: dict[str, float]) -> None:
    """Leave the files of finished runs: detections that are right at a rate, run.json, a training log."""
    for run in study_runs(study):
        if run.name not in hit_rates:
            continue
        run.folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(run.seed)
        records = []
        for image in range(1, 13):
            for category in (1, 2, 3):
                x = 5.0 if rng.random() < hit_rates[run.name] else 28.0
                polygon = [[x, 5, x + 20, 5, x + 20, 25, x, 25]]
                records.append({
                    'image_id': image, 'category_id': category, 'score': float(rng.random()),
                    'bbox': [x, 5, 20, 20], 'segmentation': _rle(polygon),
                })  # fmt: skip
        (run.folder / 'results.json').write_text(json.dumps(records))
        versions = {'torch': '2.11.0', 'mmdet': '3.3.0'}
        record = {'config': run.config, 'seed': run.seed, 'commit': 'abc', 'versions': versions, 'peak_rss_mb': 900}
        cost = {'train_wall_s': 20.0, 'train_cpu_s': 12.0 + len(run.name), 'test_wall_s': 3.0}
        times = {'finished': '2026-01-01T00:00:00Z', 'cpu': '2 cores, OMP_NUM_THREADS=1'}
        (run.folder / 'run.json').write_text(json.dumps({**record, **(times if run.of else cost | times)}))
        if not run.of:
            log = run.folder / '20260101_000000' / 'vis_data' / 'scalars.json'
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text('{"loss": 1.0, "step": 300}\n{"loss": 0.5, "step": 600}\n')


def _rle(polygon: list[list[float]]) -> dict[str, Any]:
    import pycocotools.mask as mask_utils

    rle = mask_utils.merge(mask_utils.frPyObjects(polygon, 50, 50))
    return {'size': list(rle['size']), 'counts': rle['counts'].decode()}
