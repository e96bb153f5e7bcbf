"""Encoded masks do what the bool tensor does that they stand for."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from mmdet.structures.mask import encode_mask_results, mask2bbox
from pycocotools import mask as mask_api

from longtail_det.models import EncodedMasks

GENERATOR = torch.Generator().manual_seed(0)
TENSOR = torch.rand(4, 9, 12, generator=GENERATOR) > 0.5
OTHER = torch.rand(9, 12, generator=GENERATOR) > 0.5
COUNTS = [rle['counts'] for rle in encode_mask_results(TENSOR.numpy())]


@pytest.fixture
def masks():
    return EncodedMasks(COUNTS, 9, 12)


USES = {
    'float': lambda m: m.float(),
    'sum': lambda m: m.sum(),
    'any of a dimension': lambda m: m.any(dim=1),
    'torch.any': lambda m: torch.any(m, dim=2),
    'dtype': lambda m: m.dtype == torch.bool and m[0].dtype == torch.bool,
    'device': lambda m: m.device == m[0].device == torch.device('cpu'),
    'shape': lambda m: (m.shape, m.size(), m.size(0), m.dim(), m.ndim, m.shape[-2:]),
    'shape of one': lambda m: (m[1].shape, m[1].size(), m[1].size(0), m[1].dim(), m[1].ndim),
    'clone': lambda m: m.clone(),
    'numpy': lambda m: m.cpu().numpy(),
    'numpy of one': lambda m: m[2].cpu().numpy(),
    'asarray': lambda m: np.asarray(m[3]),
    'times 255': lambda m: m * 255,
    '255 times one': lambda m: 255 * m[0],
    'not': lambda m: ~m[0],
    'or of two': lambda m: m[0] | m[1],
    'and of a tensor': lambda m: OTHER & m[1],
    'tensor times one': lambda m: OTHER * m[1],
    'equals': lambda m: m[0] == OTHER,
    'comparison': lambda m: m > 0,
    'stack': lambda m: torch.stack(list(m)),
    'stack of two': lambda m: torch.stack([m[0], OTHER, m[1]]),
    'cat': lambda m: torch.cat([m, TENSOR]),
    'where': lambda m: torch.where(m[0], 1, 2),
    'ones_like': lambda m: torch.ones_like(m[0], dtype=torch.long),
    'interpolate': lambda m: torch.nn.functional.interpolate(m[:, None].float(), size=(4, 4)),
    'a new axis': lambda m: m[None],
    'part of all': lambda m: m[:, 2:5, ..., 3],
    'part of one': lambda m: m[0][2:5, None],
    'pixels': lambda m: OTHER[m[0]],
    'pixels of its own': lambda m: m[TENSOR],
    'an index in a tensor': lambda m: m[torch.tensor(2)].sum(),
    'flat': lambda m: m[0].view(-1),
    'float16': lambda m: m.to(torch.float16),
    'to a tensor': lambda m: m.to(torch.zeros(1, dtype=torch.float64)),
    'new_zeros': lambda m: m.new_zeros((2, 3)),
    'mask2bbox': mask2bbox,
    'numpy function': lambda m: np.logical_and(np.asarray(m), TENSOR.numpy()),
    'keyword': lambda m: torch.sum(input=m, dim=0),
}


@pytest.mark.parametrize('use', USES)
def test_it_is_used_like_the_tensor(masks, use):
    found, expected = USES[use](masks), USES[use](TENSOR)
    assert type(found) is type(expected)
    if isinstance(expected, torch.Tensor):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    else:
        np.testing.assert_equal(found, expected)


def test_or_in_place_gives_a_tensor_and_leaves_the_masks(masks):
    union = masks[0]
    union |= masks[1]
    torch.testing.assert_close(union, TENSOR[0] | TENSOR[1])
    assert masks[0]['counts'] == COUNTS[0]


@pytest.mark.parametrize(
    'change',
    [
        lambda m: m.zero_(),
        lambda m: m[0].fill_(1),
        lambda m: m.__setitem__(0, 1),
        lambda m: m[0].__setitem__((0, 0), 1),
    ],
)
def test_a_change_in_place_is_refused(masks, change):
    with pytest.raises(TypeError, match=r'decoded copy.*\.decode\(\).*encode_masks=False') as caught:
        change(masks)
    assert '\n' not in str(caught.value)


def test_what_a_tensor_lacks_is_lacking(masks):
    for name in ('box_area', '_private', '__cuda_array_interface__', 'polygons'):
        assert not hasattr(masks, name)
        assert not hasattr(masks[0], name)


def test_one_mask_stays_a_coco_dict(masks):
    mask = masks[1]
    assert isinstance(mask, dict)
    assert list(mask) == ['size', 'counts']
    assert len(mask) == 2
    assert mask == {'size': [9, 12], 'counts': COUNTS[1]}
    assert mask != masks[0]
    assert mask_api.area(mask) == TENSOR[1].sum()
    assert mask_api.iou([dict(mask)], [dict(mask)], [0]) == 1
    mask['counts'] = mask['counts'].decode()
    assert type(pickle.loads(pickle.dumps(mask))['counts']) is str


def test_tensors_are_on_the_device_of_the_detections_or_of_the_other_tensors():
    masks = EncodedMasks(COUNTS, 9, 12, device='meta')  # stands for a GPU
    assert masks.device == masks[1:].device == masks[0].device == masks[[0, 1]].device == torch.device('meta')
    assert masks.float().device == torch.ones_like(masks[0], dtype=torch.long).device == torch.device('meta')
    assert (masks * OTHER).device == (OTHER & masks[0]).device == torch.device('cpu')
    assert masks.cpu().device == masks.to('cpu')[0].device == torch.device('cpu')
    np.testing.assert_array_equal(masks.numpy(), TENSOR)  # whatever the device
    assert encode_mask_results(masks) == [dict(mask) for mask in masks]


def test_joined_with_a_tensor_it_is_a_tensor(masks):
    for parts in ([masks, TENSOR], [TENSOR, masks]):
        torch.testing.assert_close(EncodedMasks.cat(parts), torch.cat([TENSOR, TENSOR]))
