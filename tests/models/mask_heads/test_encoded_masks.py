"""Encoded masks in mmengine's data structures, and in everything of mmdet's that reads predicted masks."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer
from mmdet.evaluation.metrics import CocoMetric, DumpDetResults, LVISMetric
from mmdet.structures import DetDataSample
from mmdet.structures.mask import encode_mask_results
from mmdet.visualization import DetLocalVisualizer
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from longtail_det.metrics import image_detections
from longtail_det.models.mask_heads import EncodedMasks

HEIGHT, WIDTH, COUNT = 30, 44, 5


@pytest.fixture
def images():
    generator = np.random.default_rng(0)
    images = generator.random((COUNT, HEIGHT, WIDTH)) > 0.5
    images[1] = False
    images[2] = True
    return images


@pytest.fixture
def masks(images):
    return EncodedMasks([rle['counts'] for rle in encode_mask_results(images)], HEIGHT, WIDTH)


def instances(masks):
    corners = torch.rand(COUNT, 2, 2, generator=torch.Generator().manual_seed(0)).sort(dim=1).values * 30
    return InstanceData(
        bboxes=corners.flatten(1), scores=torch.linspace(0.9, 0.1, COUNT), labels=torch.arange(COUNT), masks=masks
    )


def samples(images, masks):
    """The same predicted image with mmdet's tensor and with encoded masks."""
    pair = []
    for each in (torch.from_numpy(images), masks):
        sample = DetDataSample(metainfo=dict(img_id=7, ori_shape=(HEIGHT, WIDTH)))
        sample.pred_instances = instances(each)
        pair.append(sample)
    return pair


def test_it_stands_for_the_array(images, masks):
    assert masks.shape == images.shape
    assert len(masks) == COUNT
    for decoded in (masks.numpy(), np.asarray(masks), masks.astype(np.uint8), masks.to('cpu').detach().cpu().numpy()):
        np.testing.assert_array_equal(decoded, images)
    assert masks.astype(np.uint8).dtype == np.uint8
    assert np.asarray(masks).dtype == bool
    assert [rle['size'] for rle in masks] == [[HEIGHT, WIDTH]] * COUNT
    np.testing.assert_array_equal(masks[0][:, 3], images[0][:, 3])
    assert masks[0] == encode_mask_results(images)[0]


def test_none():
    empty = EncodedMasks([], HEIGHT, WIDTH)
    assert empty.numpy().shape == empty.shape == (0, HEIGHT, WIDTH)
    assert len(InstanceData(scores=torch.zeros(0), masks=empty)[torch.zeros(0, dtype=torch.bool)].masks) == 0


@pytest.mark.parametrize(
    'index',
    [
        torch.tensor([True, False, True, True, False]),
        torch.zeros(COUNT, dtype=torch.bool),
        torch.tensor([4, 0, 0]),
        torch.tensor([-1]),
        torch.zeros(0, dtype=torch.long),
        np.array([3, 1]),
        np.array([False, True, False, False, True]),
        [2, 4],
        slice(1, 4),
        slice(None, None, 2),
        3,
    ],
)
def test_indexing_results(images, masks, index):
    found, expected = instances(masks)[index], instances(torch.from_numpy(images))[index]
    assert isinstance(found.masks, EncodedMasks)
    np.testing.assert_array_equal(found.masks.numpy(), expected.masks.numpy())
    if not isinstance(index, int):
        assert list(masks[index]) == list(found.masks)


def test_joining_results(images, masks):
    results = instances(masks)
    joined = InstanceData.cat([results[:2], results[2:3], results[3:]])
    assert list(joined.masks) == list(masks)
    with pytest.raises(ValueError, match='different sizes'):
        EncodedMasks.cat([masks, EncodedMasks([], 3, 4)])


def test_moving_copying_and_pickling_results(masks):
    results = instances(masks)
    moved = [results.to('cpu'), results.cpu(), results.detach(), results.numpy(), copy.deepcopy(results)]
    for each in [*moved, pickle.loads(pickle.dumps(results))]:
        assert list(each.masks) == list(masks)


def evaluate(metric, sample):
    evaluator = Evaluator([metric])
    evaluator.dataset_meta = dict(classes=tuple('abcde'))
    evaluator.process([copy.deepcopy(sample)], {})
    return metric.results


def assert_same(found, expected):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, (list, tuple)) or type(found).__name__ == 'EncodedMasks':
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.fixture
def annotation_file(tmp_path):
    path = tmp_path / 'annotations.json'
    categories = [dict(id=i + 1, name=name, frequency='f', image_count=9) for i, name in enumerate('abcde')]
    path.write_text(json.dumps(dict(images=[dict(id=7)], annotations=[], categories=categories)))
    return str(path)


@pytest.mark.parametrize('type_', [CocoMetric, LVISMetric, DumpDetResults])
def test_mmdets_metrics_keep_the_same(type_, images, masks, annotation_file, tmp_path):
    if type_ is DumpDetResults:
        make = lambda: type_(out_file_path=str(tmp_path / 'out.pkl'))  # noqa: E731
    else:
        make = lambda: type_(metric='segm', **({} if type_ is CocoMetric else {'ann_file': annotation_file}))  # noqa: E731
    stock, ours = samples(images, masks)
    for sample in (stock, ours):
        sample.gt_instances = InstanceData()
        if type_ is CocoMetric:
            sample.set_metainfo(dict(instances=[]))
    assert_same(evaluate(make(), ours), evaluate(make(), stock))


def test_our_metrics_keep_the_same(images, masks):
    stock, ours = (image_detections(sample.to_dict()) for sample in samples(images, masks))
    assert_same(ours, stock)
    json.dumps(ours['masks'])


def test_drawing_and_the_inferencer_see_the_same(images, masks):
    canvas = np.full((HEIGHT, WIDTH, 3), 90, dtype=np.uint8)
    drawn, exported = [], []
    for sample in samples(images, masks):
        visualizer = DetLocalVisualizer()
        visualizer.dataset_meta = dict(classes=tuple('abcde'), palette=[(255, 0, 0)] * 5)
        np.random.seed(0)
        visualizer.add_datasample('x', canvas, sample, draw_gt=False, pred_score_thr=0.3)
        drawn.append(visualizer.get_image())
        exported.append(DetInferencer.pred2dict(None, sample))
    np.testing.assert_array_equal(*drawn)
    assert (drawn[0] != canvas).any()
    assert exported[0] == exported[1]
