"""Pasted pixels, boxes and masks agree; what is covered is cut or dropped; classes come as often as promised."""

from __future__ import annotations

import json

import mmcv
import numpy as np
import pytest
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from longtail_det.datasets import DeferredMasks, LVISDataset, RareCopyPaste, RepeatFactorDataset, RIODataset
from longtail_det.datasets.transforms.instance_sources import Instance
from longtail_det.statistics import class_repeat_factors

#: gray of the objects of each class; the background is 0
GRAY = (60, 120, 180, 240)
SIZES = [(40, 60), (30, 30), (64, 48)]
LOADERS = {
    'pixels': dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    'polygons': dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False),
    'deferred': dict(type='LoadDeferredMasks', with_bbox=True),
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Twelve images of three sizes; class 0 on all, the others on 4, 2 and 1."""
    root = tmp_path_factory.mktemp('images')
    records = dict(images=[], annotations=[], categories=[dict(id=10 * c + 10, name=f'c{c}') for c in range(4)])
    for index in range(12):
        height, width = SIZES[index % 3]
        image = np.zeros((height, width, 3), dtype=np.uint8)
        classes = [0] + [c for c, every in ((1, 3), (2, 6), (3, 12)) if index % every == 0]
        for place, c in enumerate(classes):
            x, y, w, h = 2 + 13 * (place % 2), 2 + 13 * (place // 2), 10, 8 + c
            image[y : y + h, x : x + w] = GRAY[c]
            polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
            records['annotations'].append(
                dict(id=len(records['annotations']) + 1, image_id=index, category_id=10 * c + 10, area=w * h,
                     bbox=[x, y, w, h], segmentation=[polygon], iscrowd=0)
            )  # fmt: skip
        mmcv.imwrite(image, str(root / f'{index}.png'))
        records['images'].append(dict(id=index, file_name=f'{index}.png', height=height, width=width))
    (root / 'train.json').write_text(json.dumps(records))
    return root


def dataset_of(folder, masks='pixels', **options):
    options = {'oversample_thr': 1.0, 'max_pasted': 3, 'mask_occluded_thr': 5, **options}
    pipeline = [dict(type='LoadImageFromFile'), LOADERS[masks], dict(type='RareCopyPaste', **options)]
    return LVISDataset(
        ann_file=str(folder / 'train.json'), data_prefix=dict(img=str(folder)), pipeline=pipeline, serialize_data=False
    )


def check(item):
    """Every mask lies on pixels of its class, in its box, and apart from all others."""
    masks = item['gt_masks'].to_ndarray().astype(bool)
    image = item['img'].astype(int)
    assert len(masks) == len(item['gt_bboxes']) == len(item['gt_bboxes_labels']) == len(item['gt_ignore_flags'])
    assert masks.sum(0).max(initial=0) <= 1
    for mask, box, label in zip(masks, item['gt_bboxes'].tensor.tolist(), item['gt_bboxes_labels'], strict=True):
        assert mask.any()
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert box == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert (image[mask] == GRAY[label]).all()
    assert (image[~masks.any(0)] == 0).all()


@pytest.mark.parametrize('masks', LOADERS)
def test_pixels_boxes_and_masks_agree(folder, masks):
    np.random.seed(0)
    dataset = dataset_of(folder, masks, bbox_occluded_thr=0, mask_occluded_thr=0)
    pasted = 0
    for index in range(60):
        item = dataset[index % 12]
        check(item)
        pasted += (item['gt_bboxes_labels'] > 0).sum()
        kinds = {'pixels': BitmapMasks, 'polygons': (BitmapMasks, PolygonMasks), 'deferred': DeferredMasks}
        assert isinstance(item['gt_masks'], kinds[masks])
    assert pasted > 60


def test_deferred_masks_paste_as_pixels_do(folder):
    items = []
    for masks in ('pixels', 'deferred'):
        np.random.seed(3)
        dataset = dataset_of(folder, masks)
        items.append([dataset[index] for index in range(12)])
    for one, other in zip(*items, strict=True):
        np.testing.assert_array_equal(one['img'], other['img'])
        np.testing.assert_array_equal(one['gt_masks'].to_ndarray(), other['gt_masks'].to_ndarray())


def test_classes_are_pasted_as_often_as_promised(folder):
    np.random.seed(0)
    dataset = dataset_of(folder, max_pasted=2)
    transform = dataset.pipeline.transforms[-1]
    promised = transform.class_probabilities(dataset)
    factors = class_repeat_factors([12, 4, 2, 1], 12, oversample_thr=1.0)
    np.testing.assert_allclose(promised, (factors - 1) / (factors - 1).sum())
    assert promised[0] == 0
    labels = []
    transform._paste = lambda results, instance, label, corner: labels.append(label)
    for index in range(3000):
        dataset[index % 12]
    counts = np.bincount(labels, minlength=4)
    assert counts.sum() == pytest.approx(3000, rel=0.05), 'one an image on average'
    np.testing.assert_allclose(counts / counts.sum(), promised, atol=0.03)


def test_a_covered_object_is_cut_or_dropped(folder):
    item = dataset_of(folder, prob=0.0)[0]
    transform = RareCopyPaste(bbox_occluded_thr=2, mask_occluded_thr=50)
    before = item['gt_masks'].to_ndarray()
    pasted = np.zeros(before.shape[1:], dtype=bool)
    pasted[0:5, :14] = True  # of the first object, 10 x 8 from (2, 2), 50 pixels stay, not more
    transform._cover(item, pasted)
    assert 0 not in item['gt_bboxes_labels']
    item = dataset_of(folder, prob=0.0)[0]
    transform.mask_occluded_thr = 49
    transform._cover(item, pasted)
    row = item['gt_bboxes_labels'].tolist().index(0)
    assert item['gt_masks'].to_ndarray()[row].sum() == 50
    assert item['gt_bboxes'].tensor[row].tolist() == [2, 5, 12, 10]
    everything = np.ones_like(pasted)
    transform._cover(item, everything)
    assert len(item['gt_bboxes']) == len(item['gt_masks']) == 0


def test_apart_instances_meet_no_box(folder):
    np.random.seed(0)
    dataset, before = dataset_of(folder, apart=True, mask_occluded_thr=0), dataset_of(folder, prob=0.0)
    pasted = 0
    for index in [*range(12)] * 5:
        item = dataset[index]
        check(item)
        boxes, own = item['gt_bboxes'], before[index]['gt_bboxes'].tensor
        assert boxes.tensor[: len(own)].tolist() == own.tolist(), 'nothing is covered'
        assert type(boxes).overlaps(boxes, boxes).fill_diagonal_(0).max() == 0
        pasted += len(boxes) - len(own)
    assert pasted > 60


@pytest.mark.parametrize(
    ('boxes', 'corners'),
    [
        ([], {(top, left) for top in range(3) for left in range(4)}),
        ([[0, 0, 2, 2]], {(2, 0), (2, 1), (0, 2), (1, 2), (2, 2), (0, 3), (1, 3), (2, 3)}),
        ([[1.5, -3, 9, 1.5]], {(2, left) for left in range(4)}),
        ([[1, 1, 4, 3]], {None}),
    ],
)
def test_apart_takes_each_free_corner_and_no_other(boxes, corners):
    np.random.seed(0)
    results = dict(img=np.zeros((4, 5, 3)), gt_bboxes=HorizontalBoxes(np.array(boxes, dtype=np.float32).reshape(-1, 4)))
    instance = Instance(np.zeros((2, 2, 3), dtype=np.uint8), np.ones((2, 2), dtype=bool))
    transform = RareCopyPaste(apart=True)
    assert {transform._choose_corner(results, instance) for _ in range(300)} == corners


@pytest.mark.parametrize('wrapper', [RepeatFactorDataset, RIODataset])
def test_it_works_below_wrappers_that_resample(folder, wrapper):
    np.random.seed(0)
    dataset = wrapper(dataset_of(folder), oversample_thr=0.4)
    plain = dataset.class_statistics.instance_count
    labels = np.concatenate([dataset[index]['gt_bboxes_labels'] for index in range(len(dataset))])
    assert (np.bincount(labels)[1:] > plain[1:]).all()
    assert plain.tolist() == [12, 4, 2, 1], 'statistics are those of the data'


@pytest.mark.parametrize(
    ('label', 'negative', 'unsure', 'expected'),
    [
        (2, [30, 40], [], ([40], [])),  # known to be absent: the pasted ones are all there are
        (2, [40], [], ([40], [30])),  # nothing was known
        (2, [40], [30], ([40], [30])),
        (0, [40], [], ([40], [])),  # shown and exhaustive
    ],
)
def test_federated_fields_stay_right(folder, label, negative, unsure, expected):
    dataset = dataset_of(folder)
    transform = dataset.pipeline.transforms[-1]
    source = transform._make_source(dataset)
    transform._prepared = id(dataset), source, np.eye(4)[label]
    for seed in range(8):
        np.random.seed(seed)
        data = dict(dataset.get_data_info(1), neg_category_ids=negative, not_exhaustive_category_ids=unsure)
        item = dataset.pipeline(dict(data, dataset=dataset))
        if len(item['gt_bboxes_labels']) > 1 or label == 0:
            assert (item['neg_category_ids'], item['not_exhaustive_category_ids']) == expected


def test_an_image_without_room_stays_as_it_is(folder):
    np.random.seed(0)
    dataset = dataset_of(folder, apart=True)
    fields = dict(neg_category_ids=[20, 30, 40], not_exhaustive_category_ids=[])
    data = dict(dataset.get_data_info(1), **fields, dataset=dataset)
    data['instances'] = [dict(data['instances'][0], bbox=[0, 0, 30, 30])]  # all of the image
    item = dataset.pipeline(data)
    assert item['gt_bboxes_labels'].tolist() == [0]
    assert {key: item[key] for key in fields} == fields
    np.testing.assert_array_equal(item['img'], dataset_of(folder, prob=0.0)[1]['img'])


def write_pool(root, names, gray=240):
    for name in names:
        image = np.full((20, 10, 4), gray, dtype=np.uint8)
        image[:5, :, 3] = 0
        (root / name).mkdir(parents=True)
        mmcv.imwrite(image, str(root / name / 'one.png'))
    return str(root)


def test_a_pool_gives_its_classes_alone(folder, tmp_path):
    np.random.seed(0)
    dataset = dataset_of(folder, pool=write_pool(tmp_path / 'pool', ['c3']), bbox_occluded_thr=0, mask_occluded_thr=0)
    np.testing.assert_array_equal(dataset.pipeline.transforms[-1].class_probabilities(dataset), [0, 0, 0, 1])
    for index in range(1, 12):
        item = dataset[index]
        check(item)
        assert not {2} & set(item['gt_bboxes_labels'].tolist()) or index % 6 == 0
    assert sum((dataset[index]['gt_bboxes_labels'] == 3).sum() for index in range(1, 12)) > 5


def opaque(root):
    (root / 'c3').mkdir(parents=True)
    mmcv.imwrite(np.zeros((4, 4, 3), dtype=np.uint8), str(root / 'c3' / 'one.png'))
    return str(root)


@pytest.mark.parametrize(
    ('make', 'error', 'message'),
    [
        (lambda root: str(root / 'none'), FileNotFoundError, 'pool .*none does not exist; expected <class name>'),
        (lambda root: write_pool(root, ['c33']), ValueError, 'c33 is named as none of the 4 classes.*did you mean c3'),
        (opaque, ValueError, 'one.png has no alpha channel'),
        (lambda root: str(root), FileNotFoundError, 'holds no image'),
    ],
)
def test_a_bad_pool_is_named(folder, tmp_path, make, error, message):
    np.random.seed(0)
    dataset = dataset_of(folder, pool=make(tmp_path))
    with pytest.raises(error, match=message):
        [dataset[index] for index in range(12)]


def test_wrong_options_are_named(folder):
    with pytest.raises(ValueError, match='max_pasted=0'):
        RareCopyPaste(max_pasted=0)
    with pytest.raises(ValueError, match=r'no class to paste is on less than oversample_thr=0.01 of the 12 images'):
        dataset_of(folder, oversample_thr=0.01)[0]
    with pytest.raises(ValueError, match='does not know its dataset'):
        RareCopyPaste()({'img': np.zeros((2, 2, 3))})
