"""Deferred masks hold what mmdet's pixels hold after the same transforms."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from mmdet.models.utils import mask2ndarray
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, mask_target
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from longtail_det.datasets import DeferredMasks

from .cases import random_image, random_rois, random_step

SQUARE = [[2, 1, 6, 1, 6, 5, 2, 5]]


def transformed_pair(rng, steps=5):
    """Deferred masks and mmdet's after the same random transforms."""
    masks, expected = random_image(rng)
    found = DeferredMasks(masks, expected.height, expected.width)
    for _ in range(rng.integers(steps + 1)):
        name, arguments = random_step(rng, expected.height, expected.width)
        found, expected = (getattr(pair, name)(*arguments) for pair in (found, expected))
    assert type(found) is DeferredMasks
    return found, expected


@pytest.mark.parametrize('seed', range(12))
def test_recorded_transforms_give_the_pixels_of_executed_ones(seed):
    found, expected = transformed_pair(np.random.default_rng(seed))
    assert (len(found), found.height, found.width) == (len(expected), expected.height, expected.width)
    np.testing.assert_array_equal(found.to_ndarray(), expected.masks)
    np.testing.assert_array_equal(found.areas, expected.areas)
    np.testing.assert_array_equal(list(found), list(expected))
    torch.testing.assert_close(found.to_tensor(torch.float32, 'cpu'), expected.to_tensor(torch.float32, 'cpu'))
    torch.testing.assert_close(found.get_bboxes().tensor, expected.get_bboxes('hbox').tensor)
    assert type(found) is DeferredMasks


def test_targets_equal_those_of_pixels():
    rng = np.random.default_rng(0)
    differing = total = 0
    for _ in range(40):
        found, expected = transformed_pair(rng)
        boxes, owners = random_rois(rng, expected, 48)
        shape = ((28, 28), (14, 20))[rng.integers(2)]
        soft = [masks.crop_and_resize(boxes, shape, owners, binarize=False).masks for masks in (found, expected)]
        np.testing.assert_allclose(*soft, atol=1e-5)
        hard = [masks.crop_and_resize(boxes, shape, owners).masks for masks in (found, expected)]
        assert hard[0].dtype == hard[1].dtype
        differing += np.count_nonzero(hard[0] != hard[1])
        total += hard[0].size
    assert total > 7e5
    assert differing <= 1e-5 * total


def test_targets_keep_the_precision_of_the_rois():
    found, expected = transformed_pair(np.random.default_rng(1))
    boxes, owners = random_rois(np.random.default_rng(0), expected, 16)
    pair = [
        masks.crop_and_resize(torch.tensor(boxes).double(), (7, 7), torch.tensor(owners), binarize=False).masks
        for masks in (found, expected)
    ]
    np.testing.assert_allclose(*pair, atol=1e-6)


def test_mask_heads_get_their_targets():
    rng = np.random.default_rng(3)
    pairs = [transformed_pair(rng) for _ in range(2)]
    rois = [random_rois(rng, expected, 32) for _, expected in pairs]
    boxes, owners = ([torch.tensor(roi[i]) for roi in rois] for i in (0, 1))
    targets = [mask_target(boxes, owners, list(masks), ConfigDict(mask_size=28)) for masks in zip(*pairs, strict=True)]
    assert torch.equal(*targets)
    direct = pairs[0][0].crop_and_resize(boxes[0], (28, 28), owners[0]).masks
    np.testing.assert_array_equal(direct, targets[0][:32].numpy().astype(bool))


def test_nothing_to_crop():
    masks = DeferredMasks([SQUARE], 10, 12)
    none = np.zeros((0, 4), dtype=np.float32)
    assert masks.crop_and_resize(none, (7, 9), np.zeros(0, dtype=int)).masks.shape == (0, 7, 9)
    assert DeferredMasks([], 10, 12).crop_and_resize(none, (7, 9), np.zeros(0, dtype=int)).masks.shape == (0, 7, 9)
    flat = np.array([[3, 2, 3, 8], [20, 20, 30, 30]], dtype=np.float32)  # no width; beyond the image
    assert not masks.crop_and_resize(flat, (7, 9), np.zeros(2, dtype=int)).masks.any()


@pytest.mark.parametrize(
    'index',
    [
        1,
        -1,
        slice(0, 2),
        [2, 0, 0],
        [],
        np.array([True, False, True]),
        np.array(2),
        torch.tensor([1, 2]),
        torch.tensor([False, True, False]),
    ],
    ids=str,
)
def test_every_kind_of_index(index):
    shapes = [SQUARE, [[0, 0, 3, 0, 3, 3]], [[5, 5, 9, 5, 9, 9, 5, 9]]]
    masks = DeferredMasks(shapes, 10, 12).flip()
    rows = np.asarray(index, dtype=int if isinstance(index, list) else None) if not isinstance(index, slice) else index
    np.testing.assert_array_equal(masks[index].to_ndarray(), masks.to_bitmap()[rows].masks)


def test_instance_data_takes_them():
    masks = DeferredMasks([SQUARE, [[0, 0, 3, 0, 3, 3]]], 10, 12)
    data = InstanceData(labels=torch.tensor([3, 4]), masks=masks)
    picked = data[data.labels == 4]
    np.testing.assert_array_equal(picked.masks.to_ndarray(), masks.to_ndarray()[1:])
    np.testing.assert_array_equal(InstanceData.cat([picked, data]).masks.to_ndarray(), masks.to_ndarray()[[1, 0, 1]])


def test_a_pickle_holds_no_pixels():
    rng = np.random.default_rng(0)
    found, expected = transformed_pair(rng)
    boxes, owners = random_rois(rng, expected, 8)
    before = pickle.dumps(found)
    found.crop_and_resize(boxes, (28, 28), owners)
    assert pickle.dumps(found) == before
    np.testing.assert_array_equal(pickle.loads(before).to_ndarray(), expected.masks)
    large = DeferredMasks([SQUARE] * 28, 480, 640).resize((800, 1066))
    assert len(pickle.dumps(large)) < 2e4


def test_cat_stays_deferred_where_the_transforms_are_the_same():
    first, second = (DeferredMasks([SQUARE] * n, 10, 12) for n in (1, 2))
    joined = DeferredMasks.cat([first.flip(), second.flip()])
    assert type(joined) is DeferredMasks
    np.testing.assert_array_equal(joined.to_ndarray(), first.flip().to_ndarray().repeat(3, 0))
    for mixed in ([first.flip(), second], [first, second.to_bitmap()], [first.to_bitmap(), second]):
        joined = mixed[0].cat(mixed)
        assert type(joined) is BitmapMasks
        np.testing.assert_array_equal(joined.masks, np.concatenate([masks.to_ndarray() for masks in mixed]))
    with pytest.raises(ValueError, match='empty'):
        DeferredMasks.cat([])


@pytest.mark.parametrize(
    ('name', 'arguments'),
    [
        ('resize', ((20, 15), 'bilinear')),
        ('pad', ((12, 15), 1)),
        ('expand', (20, 20, 3, 4)),
        ('translate', ((10, 12), 3)),
        ('shear', ((10, 12), 0.3)),
        ('rotate', ((10, 12), 30)),
    ],
)
def test_what_is_not_recorded_becomes_pixels(name, arguments):
    masks = DeferredMasks([SQUARE], 10, 12).flip()
    expected = getattr(masks.to_bitmap(), name)(*arguments)
    found = getattr(masks, name)(*arguments)
    assert type(found) is BitmapMasks
    np.testing.assert_array_equal(found.masks, expected.masks)


def test_whoever_takes_the_array_owns_the_masks():
    masks = DeferredMasks([SQUARE], 10, 12)
    masks.masks[:, :3] = 0
    assert type(masks) is BitmapMasks
    assert masks.areas.tolist() == [8]
    assert pickle.loads(pickle.dumps(masks)).areas.tolist() == [8]
    masks = DeferredMasks([SQUARE], 10, 12)
    masks.masks = np.ones((3, 10, 12), dtype=np.uint8)
    assert masks.areas.tolist() == [120] * 3


def test_mmdet_recognizes_them():
    masks = DeferredMasks([SQUARE], 10, 12)
    np.testing.assert_array_equal(mask2ndarray(masks), masks.to_ndarray())
    assert HorizontalBoxes.from_instance_masks(masks).tensor.tolist() == [[2, 1, 6, 5]]
    assert repr(DeferredMasks([SQUARE], 10, 12)) == 'DeferredMasks(num_masks=1, height=10, width=12)'
    assert len(DeferredMasks.random(num_masks=2, height=4, width=5)) == 2


def test_a_smaller_pad_is_refused():
    with pytest.raises(ValueError, match='out_shape is 9 x 20, expected at least 10 x 12'):
        DeferredMasks([SQUARE], 10, 12).pad((9, 20))
