"""LoadDeferredMasks loads what mmdet's LoadAnnotations loads, and mmdet's transforms work on it."""

from __future__ import annotations

import copy
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.datasets.transforms import transforms
from mmdet.registry import MODELS, TRANSFORMS
from mmdet.structures.mask import BitmapMasks
from mmdet.visualization import DetLocalVisualizer
from mmengine.dataset import Compose, pseudo_collate

from longtail_det.datasets import DeferredMasks, LoadDeferredMasks

from ...annotation_files import HEIGHT, WIDTH, box_polygon, compressed_rle, uncompressed_rle

SIZE = (HEIGHT, WIDTH)
RECORDED = {
    'none': [],
    'resize': [{'type': 'Resize', 'scale': (100, 90), 'keep_ratio': True}],
    'resize and stretch': [
        {'type': 'Resize', 'scale': (100, 90)},
        {'type': 'FixShapeResize', 'width': 90, 'height': 80},
    ],
    'flip': [{'type': 'RandomFlip', 'prob': 1.0, 'direction': 'diagonal'}],
    'pad': [{'type': 'Pad', 'size_divisor': 32}],
    'crop': [{'type': 'RandomCrop', 'crop_size': (30, 40), 'recompute_bbox': True}],
    'crop to an overlap': [{'type': 'MinIoURandomCrop'}],
    'filter': [{'type': 'FilterAnnotations', 'by_mask': True, 'min_gt_mask_area': 30}],
}
PIXELS = {
    'expand': [{'type': 'Expand', 'prob': 1.0}],
    'translate': [{'type': 'TranslateX', 'prob': 1.0}],
    'shear': [{'type': 'ShearY', 'prob': 1.0}],
    'rotate': [{'type': 'Rotate', 'prob': 1.0}],
    'erase': [{'type': 'RandomErasing', 'n_patches': 2, 'ratio': 0.3}],
}
MIXED = {
    'copy and paste': [{'type': 'CopyPaste', 'selected': False, 'max_num_pasted': 3}],
    'mosaic': [{'type': 'Mosaic', 'img_scale': (60, 60)}],
    'mixup': [{'type': 'MixUp', 'img_scale': (60, 60)}],
    'cached mosaic': [{'type': 'CachedMosaic', 'img_scale': (60, 60)}],
    'cached mixup': [{'type': 'CachedMixUp', 'img_scale': (60, 60)}],
}


def instance(mask, box, **more):
    x, y, width, height = box
    return {'bbox': [x, y, x + width, y + height], 'bbox_label': 1, 'ignore_flag': 0, 'mask': mask, **more}


def item():
    boxes = [(5, 6, 20, 15), (30, 10, 25, 30), (40, 30, 10, 10), (2, 30, 12, 15)]
    masks = [
        [box_polygon(*boxes[0])],
        [box_polygon(30, 10, 10, 30), box_polygon(45, 15, 10, 20)],
        compressed_rle(*boxes[2]),
        uncompressed_rle(*boxes[3]),
    ]
    image = np.random.default_rng(0).integers(255, size=(*SIZE, 3), dtype=np.uint8)
    instances = [instance(mask, box) for mask, box in zip(masks, boxes, strict=True)]
    instances[2]['ignore_flag'] = 1
    return {'img': image, 'img_shape': SIZE, 'ori_shape': SIZE, 'img_path': 'a.jpg', 'instances': instances}


def run(loader, steps, seed=0):
    """The result of a pipeline on one image; other images of a mixing transform are the same one."""
    random.seed(seed)
    np.random.seed(seed)
    pipeline = Compose([TRANSFORMS.build(t) for t in ({'type': loader, 'with_mask': True}, *steps)])
    mixing = {'CopyPaste': 1, 'Mosaic': 3, 'MixUp': 1}
    results = item()
    for transform in pipeline.transforms:
        count = mixing.get(type(transform).__name__)
        if count:
            results['mix_results'] = [copy.deepcopy(results) for _ in range(count)]
        results = transform(results)
    return results


@pytest.mark.parametrize('seed', range(2))
@pytest.mark.parametrize('name', [*RECORDED, *PIXELS, *MIXED])
def test_every_transform_gives_what_it_gives_on_pixels(name, seed):
    steps = {**RECORDED, **PIXELS, **MIXED}[name]
    found, expected = (run(loader, steps, seed) for loader in ('LoadDeferredMasks', 'mmdet.LoadAnnotations'))
    assert found.keys() == expected.keys()
    np.testing.assert_array_equal(found['img'], expected['img'])
    torch.testing.assert_close(found['gt_bboxes'].tensor, expected['gt_bboxes'].tensor)
    np.testing.assert_array_equal(found['gt_ignore_flags'], expected['gt_ignore_flags'])
    if name in RECORDED:
        assert type(found['gt_masks']) is DeferredMasks
    np.testing.assert_array_equal(found['gt_masks'].to_ndarray(), expected['gt_masks'].to_ndarray())


def test_albu_gets_pixels_and_builds_masks_of_them(monkeypatch):
    # the steps of Albu that touch masks; albumentations itself is not installed here
    monkeypatch.setattr(transforms, 'albumentations', SimpleNamespace(__version__='1.4'), raising=False)
    albu = transforms.Albu.__new__(transforms.Albu)
    albu.filter_lost_elements = False
    loaded = run('LoadDeferredMasks', [])
    pixels = loaded['gt_masks'].to_ndarray()
    results, original = albu._preprocess_results({'masks': loaded['gt_masks'], 'bboxes': loaded['gt_bboxes']})
    results['masks'] = np.array(results['masks'])[:, ::-1]
    np.testing.assert_array_equal(albu._postprocess_results(results, original)['masks'].masks, pixels[:, ::-1])


def test_a_batch_is_preprocessed_without_pixels():
    steps = [
        {'type': 'Resize', 'scale': (100, 90), 'keep_ratio': True},
        {'type': 'PackDetInputs', 'meta_keys': ()},
    ]
    augments = [{'type': 'BatchFixedSizePad', 'size': (128, 128), 'pad_mask': True}]
    config = {'type': 'DetDataPreprocessor', 'pad_mask': True, 'pad_size_divisor': 32, 'batch_augments': augments}
    batches = []
    for loader in ('LoadDeferredMasks', 'mmdet.LoadAnnotations'):
        batch = pseudo_collate([run(loader, steps)])
        batches.append(MODELS.build(config)(batch, training=True)['data_samples'][0])
    found, expected = batches
    assert type(found.gt_instances.masks) is DeferredMasks
    for kind in ('gt_instances', 'ignored_instances'):
        masks = [getattr(sample, kind).masks.to_ndarray() for sample in (found, expected)]
        np.testing.assert_array_equal(*masks)
    assert found.gt_instances.masks.height == found.gt_instances.masks.width == 128


def test_the_visualizer_draws_them():
    drawn = []
    for loader in ('LoadDeferredMasks', 'mmdet.LoadAnnotations'):
        sample = run(loader, [{'type': 'PackDetInputs', 'meta_keys': ()}])['data_samples']
        sample.gt_instances.bboxes = sample.gt_instances.bboxes.tensor
        visualizer = DetLocalVisualizer()
        visualizer.add_datasample('truth', item()['img'], sample, draw_pred=False)
        drawn.append(visualizer.get_image())
    np.testing.assert_array_equal(*drawn)
    assert (drawn[0] != item()['img']).any()


def test_what_mmdet_ignores_is_ignored():
    results = item()
    results['instances'] += [instance([[1, 2, 3]], (0, 0, 4, 4)), instance({'size': [*SIZE]}, (0, 0, 4, 4))]
    loaded = [
        TRANSFORMS.build({'type': loader, 'with_mask': True})(copy.deepcopy(results))
        for loader in ('LoadDeferredMasks', 'mmdet.LoadAnnotations')
    ]
    assert loaded[0]['gt_ignore_flags'].tolist() == loaded[1]['gt_ignore_flags'].tolist()
    assert loaded[0]['gt_ignore_flags'].tolist() == [False, False, True, False, True, True]
    np.testing.assert_array_equal(loaded[0]['gt_masks'].to_ndarray(), loaded[1]['gt_masks'].masks)
    assert isinstance(loaded[1]['gt_masks'], BitmapMasks)


def test_boxes_alone_need_no_mask():
    results = item()
    del results['instances'][1]['mask']
    assert 'gt_masks' not in LoadDeferredMasks(with_mask=False)(copy.deepcopy(results))
    with pytest.raises(ValueError, match=r'a\.jpg: instance 1 has no mask; correct the annotation file'):
        LoadDeferredMasks()(results)


def test_poly2mask_is_refused():
    with pytest.raises(ValueError, match='LoadDeferredMasks has no poly2mask'):
        TRANSFORMS.build({'type': 'LoadDeferredMasks', 'poly2mask': False})
