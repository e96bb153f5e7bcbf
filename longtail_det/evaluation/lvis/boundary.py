"""The boundary of a mask (Cheng et al., Boundary IoU, CVPR 2021, arXiv:2103.16562)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pycocotools.mask as mask_utils
from numpy.typing import NDArray

#: width of the boundary over the diagonal of the image
DILATION_RATIO = 0.02


def boundary_width(height: int, width: int) -> int:
    """Return the width of the boundary of a mask in pixels, at least 1.

    Args:
        height: of the image, pixels.
        width: of the image, pixels.

    Example:
        >>> boundary_width(480, 640)
        16
    """
    return max(round(DILATION_RATIO * math.sqrt(height**2 + width**2)), 1)


def mask_boundary(mask: NDArray[np.uint8], distance: int) -> NDArray[np.uint8]:
    """Select the pixels that a square of `2 * distance + 1` pixels around them takes out of the mask or the image.

    Args:
        mask: (H, W) uint8, 0 or 1.
        distance: pixels, at least 1.

    Returns:
        (H, W) uint8: the mask without what `distance` erosions by a 3 x 3 square leave of it.
    """
    import cv2

    square = np.ones((2 * distance + 1, 2 * distance + 1), dtype=np.uint8)
    inner: NDArray[Any] = cv2.erode(mask, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return mask - inner


def boundary_rle(rle: dict[str, Any]) -> dict[str, Any]:
    """Encode the boundary of a mask, its width that of the image the mask is on.

    Args:
        rle: compressed RLE of a mask.
    """
    height, width = rle['size']
    x, y, w, h = mask_utils.toBbox(rle).astype(int).tolist()
    if not w or not h:
        return rle
    mask = mask_utils.decode(rle)
    box = np.s_[y : y + h, x : x + w]
    mask[box] = mask_boundary(np.ascontiguousarray(mask[box]), boundary_width(height, width))
    return mask_utils.encode(mask)
