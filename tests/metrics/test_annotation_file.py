from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from mmdet.registry import METRICS
from mmengine import fileio

from longtail_det.metrics.annotation_file import local_annotations

from .streams import CLASSES, as_data_sample


def test_a_file_of_another_backend_scores_like_a_local_one(
    metric_type, random_gt, detections, ann_file, tmp_path, monkeypatch
):
    """`get_local_path` of a remote backend gives a file that is gone when its context ends."""

    def score(path):
        metric = METRICS.build({'type': metric_type, 'ann_file': path, 'metric': ['bbox', 'segm']})
        metric.dataset_meta = {'classes': CLASSES}
        metric.process(None, [as_data_sample(image).to_dict() for image in detections])
        return metric.evaluate(len(detections))

    expected = score(ann_file)
    remote = tmp_path / 'remote.json'

    @contextmanager
    def fetched(*_, **__):
        remote.write_text(json.dumps(random_gt))
        yield str(remote)
        remote.unlink()

    monkeypatch.setattr(fileio, 'exists', lambda *_, **__: True)
    monkeypatch.setattr(fileio, 'get_local_path', fetched)
    assert score('s3://bucket/val.json') == expected


def test_a_missing_file_names_the_key_of_the_config(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r'nowhere\.json; set val_evaluator\.ann_file'),
        local_annotations(str(tmp_path / 'nowhere.json')),
    ):
        pass


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda gt: gt.pop('categories'), r'val\.json has no categories'),
        (lambda gt: gt.pop('annotations'), r'val\.json has no annotations.*format_only=True in its evaluator'),
        (
            lambda gt: gt['annotations'][3].pop('segmentation'),
            r'val\.json: 1 bad record: annotation 4 has no segmentation',
        ),
        (lambda gt: gt['annotations'][0].pop('image_id'), 'annotation 1 has no image_id'),
        (lambda gt: gt['images'][0].pop('height'), 'image 1 has no height'),
    ],
)
def test_an_unusable_file_is_one_line(metric_type, random_gt, tmp_path, change, message):
    change(random_gt)
    (tmp_path / 'val.json').write_text(json.dumps(random_gt))
    with pytest.raises(ValueError, match=message) as error:
        METRICS.build({'type': metric_type, 'ann_file': str(tmp_path / 'val.json'), 'metric': ['bbox', 'segm']})
    assert '\n' not in str(error.value)
