"""Predictions of a head that computes one class per RoI are mmdet's images, encoded."""

from __future__ import annotations

import pytest
import torch
from mmdet.structures.mask import encode_mask_results
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from longtail_det.models.mask_heads import EncodedMasks

from .label_heads import CLASSES, SIZE, every_pair, features, forward, pair


def detections(counts=(5, 0, 3)):
    generator = torch.Generator().manual_seed(2)
    results = []
    for count in counts:
        corners = torch.rand(count, 2, 2, generator=generator).sort(dim=1).values * torch.tensor([160.0, 120])
        boxes = (corners * 1.2 - 10).flatten(1)
        results.append(InstanceData(bboxes=boxes, labels=torch.randint(CLASSES, (count,), generator=generator)))
    return results, [dict(ori_shape=SIZE, scale_factor=(1.9993, 2.4904))] * len(counts)


def predict(head, x, rescale, threshold=0.5):
    results, metas = detections()
    masks = forward(head, x).split([len(result) for result in results], 0)
    with torch.no_grad():
        test_cfg = ConfigDict(mask_thr_binary=threshold)
        return head.predict_by_feat(masks, results, metas, test_cfg, rescale=rescale)


@every_pair
@pytest.mark.parametrize('rescale', [False, True])
@pytest.mark.parametrize('class_agnostic', [False, True])
@pytest.mark.parametrize('threshold', [0.5, 0.3])
def test_predictions_encode_mmdets_images(ours, rescale, class_agnostic, threshold):
    mine, stock = pair(ours, class_agnostic=class_agnostic)
    x = features(8)
    for found, expected in zip(
        predict(mine, x, rescale, threshold), predict(stock, x, rescale, threshold), strict=True
    ):
        torch.testing.assert_close(found.bboxes, expected.bboxes, rtol=0, atol=0)
        assert found.masks.shape == expected.masks.shape
        if len(found):
            assert isinstance(found.masks, EncodedMasks)
            assert list(found.masks) == encode_mask_results(expected.masks.numpy())


@pytest.mark.parametrize('rescale', [False, True])
@pytest.mark.parametrize(('encode_masks', 'threshold'), [(False, 0.5), (True, -1)])
def test_full_images_on_request(rescale, encode_masks, threshold):
    """Switched off, or soft masks (uint8) asked for by a negative threshold: mmdet's tensors."""
    mine, stock = pair('LabelFCNMaskHead')
    mine.encode_masks = encode_masks
    results = [predict(head, features(8), rescale, threshold) for head in (mine, stock)]
    for found, expected in zip(*results, strict=True):
        # 1 / 255 is what rounding may turn
        assert found.masks.dtype == expected.masks.dtype
        assert (found.masks.int() - expected.masks.int()).abs().max() <= (threshold < 0) if len(found) else True
