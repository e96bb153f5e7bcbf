"""Every mask of the file reaches the pipeline, or the file is refused."""

from __future__ import annotations

import numpy as np
import pytest
from mmdet.datasets.transforms import LoadAnnotations
from pycocotools import mask as coco_mask

from ..annotation_files import HEIGHT, WIDTH, annotation, box_polygon, compressed_rle, image, uncompressed_rle

BOX = (10, 5, 30, 20)
MASKS = {
    'polygon': [box_polygon(*BOX)],
    'two polygons': [box_polygon(10, 5, 10, 20), box_polygon(25, 5, 15, 20)],
    'compressed RLE': compressed_rle(*BOX),
    'uncompressed RLE': uncompressed_rle(*BOX),
    'uncompressed RLE from the corner': uncompressed_rle(0, 0, 30, 20),
}


def records_with(*masks, **more):
    annotations = [annotation(7 + i, 1, 1, BOX, segmentation=mask, **more) for i, mask in enumerate(masks)]
    return {'images': [image(1)], 'annotations': annotations, 'categories': [{'id': 1, 'name': 'a'}]}


def load_masks(dataset, **options):
    info = dataset.get_data_info(0)
    return LoadAnnotations(with_mask=True, **options)(info | {'ori_shape': (HEIGHT, WIDTH)})


def decode(segmentation):
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, HEIGHT, WIDTH))
    elif isinstance(segmentation['counts'], list):
        segmentation = coco_mask.frPyObjects(segmentation, HEIGHT, WIDTH)
    return coco_mask.decode(segmentation)


@pytest.mark.parametrize('names', [[name] for name in MASKS] + [list(MASKS)], ids=str)
def test_every_kind_of_mask_reaches_the_pipeline(names, load):
    masks = [MASKS[name] for name in names]
    loaded = load_masks(load(records_with(*masks), pipeline=[]))
    assert not loaded['gt_ignore_flags'].any()
    np.testing.assert_array_equal(loaded['gt_masks'].masks, [decode(mask) for mask in masks])
    assert all(mask.any() for mask in loaded['gt_masks'].masks)


@pytest.mark.parametrize('name', ['compressed RLE', 'uncompressed RLE'])
@pytest.mark.parametrize(
    'pipeline',
    [
        [{'type': 'mmdet.LoadAnnotations', 'with_mask': True, 'poly2mask': False}],
        [
            {
                'type': 'RandomChoice',
                'transforms': [[{'type': 'mmdet.LoadAnnotations', 'with_mask': True, 'poly2mask': False}]],
            }
        ],
    ],
    ids=['plain', 'nested'],
)
def test_rle_that_the_pipeline_would_drop_is_refused(name, pipeline, load):
    records = records_with(MASKS['polygon'], MASKS[name])
    # the loss that this test is about: mmdet ignores the instance and says nothing
    assert load_masks(load(records), poly2mask=False)['gt_ignore_flags'].tolist() == [False, True]
    with pytest.raises(ValueError, match=r'1 instances have RLE masks \(first: annotation 8\).*set poly2mask=True'):
        load(records, pipeline=pipeline, on_bad='skip')


@pytest.mark.parametrize(
    ('masks', 'more', 'transform'),
    [
        (['polygon'], {}, {'with_mask': True, 'poly2mask': False}),
        (['compressed RLE'], {}, {'with_mask': True}),
        (['compressed RLE'], {}, {'poly2mask': False}),
        (['compressed RLE'], {'iscrowd': 1}, {'with_mask': True, 'poly2mask': False}),
        (['compressed RLE'], {'ignore': 1}, {'with_mask': True, 'poly2mask': False}),
    ],
)
def test_nothing_is_refused_that_loads(masks, more, transform, load):
    dataset = load(
        records_with(*(MASKS[name] for name in masks), **more),
        pipeline=[{'type': 'mmdet.LoadAnnotations', **transform}],
    )
    assert len(dataset) == 1


def test_rle_of_other_classes_is_nobodys_business(load):
    records = records_with(MASKS['polygon'], MASKS['compressed RLE'])
    records['categories'].append({'id': 2, 'name': 'b'})
    records['annotations'][1]['category_id'] = 2
    pipeline = [{'type': 'mmdet.LoadAnnotations', 'with_mask': True, 'poly2mask': False}]
    dataset = load(records, pipeline=pipeline, metainfo={'classes': ['a']})
    assert dataset.get_cat_ids(0) == [0]


@pytest.mark.parametrize('nothing', [None, [], {}])
@pytest.mark.parametrize('more', [{}, {'iscrowd': 1}], ids=['instance', 'crowd'])
def test_a_box_without_a_mask_is_bad_where_masks_are_loaded(nothing, more, load):
    records = records_with(nothing, MASKS['polygon'])
    records['annotations'][0] |= more
    assert load(records, pipeline=[{'type': 'mmdet.LoadAnnotations'}]).get_cat_ids(0) == [0, 0]
    pipeline = [{'type': 'mmdet.LoadAnnotations', 'with_mask': True}]
    with pytest.raises(ValueError, match='1 bad record: annotation 7: no segmentation'):
        load(records, pipeline=pipeline)
    dataset = load(records, pipeline=pipeline, on_bad='skip')
    assert dataset.class_statistics.instance_count.tolist() == [1]
    assert len(load_masks(dataset)['gt_masks']) == 1
