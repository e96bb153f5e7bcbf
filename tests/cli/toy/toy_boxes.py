"""A detector without weights that predicts boxes and masks of each image, the same whichever process it runs in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.structures import InstanceData
from torch import nn


@MODELS.register_module()
class ToyBoxes(BaseModel):
    """Guess boxes from the image id; `masks` is 'bool', 'rle' or '', `mask_scores` gives masks scores of their own."""

    def __init__(self, num_classes: int, masks: str = 'bool', mask_scores: bool = False) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 1)
        self.num_classes = num_classes
        self.masks = masks
        self.mask_scores = mask_scores

    def forward(self, inputs: Any, data_samples: list[DetDataSample], mode: str = 'tensor') -> list[DetDataSample]:
        for sample in data_samples:
            sample.pred_instances = self.guess(sample.img_id, sample.ori_shape)
        return data_samples

    def guess(self, img_id: int, shape: tuple[int, int]) -> InstanceData:
        rng = np.random.default_rng(img_id)
        corner = torch.tensor(rng.uniform(0, 20, (6, 2)), dtype=torch.float32)
        found = InstanceData(
            bboxes=torch.cat([corner, corner + torch.tensor(rng.uniform(5, 30, (6, 2)), dtype=torch.float32)], dim=1),
            scores=torch.tensor(rng.uniform(0, 1, 6), dtype=torch.float32),
            labels=torch.tensor(rng.integers(0, self.num_classes, 6)),
        )
        if self.masks:
            masks = torch.zeros(6, *shape, dtype=torch.bool)
            for mask, (x1, y1, x2, y2) in zip(masks, found.bboxes.int().tolist(), strict=True):
                mask[y1:y2, x1:x2] = True
            found.masks = masks if self.masks == 'bool' else encode(masks)
        if self.mask_scores:
            found.mask_scores = found.scores / 2
        return found


def encode(masks: torch.Tensor) -> list[dict[str, Any]]:
    import pycocotools.mask as mask_utils

    return mask_utils.encode(np.asfortranarray(masks.numpy().astype(np.uint8).transpose(1, 2, 0)))
