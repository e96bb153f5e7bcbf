"""Boxes around a ground-truth box, whose features stand for more of its kind."""

from __future__ import annotations

import torch
from torch import Tensor

#: boxes of an object: one for each choice of signs of its four coordinates
NUM_JITTERED = 16
_LARGEST_SHIFT = 1 / 6


def jittered_boxes(boxes: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """Move the corners of boxes at random (LOCE, Feng et al., ICCV 2021): 16 boxes of each, one per pattern of signs.

    A coordinate moves by its sign times a random share of a sixth of the box's width or height (from PyTorch's default
    generator).

    Args:
        boxes: (G, 4) x1, y1, x2, y2 in pixels.
        image_shape: height and width in pixels, to clip to.

    Returns:
        (G, 16, 4) boxes.
    """
    sizes = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    signs = torch.cartesian_prod(*[boxes.new_tensor([-1.0, 1.0])] * 4)
    shifts = signs * torch.rand(len(boxes), NUM_JITTERED, 4, device=boxes.device, dtype=boxes.dtype)
    moved = boxes[:, None] + shifts * (_LARGEST_SHIFT * sizes)[:, None]
    height, width = image_shape
    return moved.clamp(min=0).minimum(boxes.new_tensor([width, height, width, height]))
