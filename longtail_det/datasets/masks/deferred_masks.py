"""Instance masks of an image that record their transforms."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import mmcv
import numpy as np
import torch
from mmdet.structures.bbox import BaseBoxes
from mmdet.structures.mask import BitmapMasks
from numpy.typing import NDArray
from torch import Tensor

from .pixel_map import PixelMap
from .roi_averages import average_bins
from .run_lengths import RunLengths, encode_mask


class DeferredMasks(BitmapMasks):
    """mmdet's `BitmapMasks` that stay run lengths of the original image and record resize, flip, pad and crop.

    `crop_and_resize`, which makes the targets of mask heads, computes them from the pixels around each object. Values
    are those of `BitmapMasks` after the same transforms. An operation that is not recorded (translate, shear, rotate,
    expand, another interpolation, padding with foreground) gives a `BitmapMasks`. Whoever reads `masks` may write to
    the array, so reading it turns this object into a `BitmapMasks`; `to_ndarray`, `to_tensor`, `areas`, `get_bboxes`
    and iteration leave it as it is.

    Args:
        masks: for each instance a list of polygons `[x1, y1, x2, y2, ...]`, an RLE or a bitmap (height, width).
        height: of the image, in pixels.
        width: of the image, in pixels.

    Raises:
        ValueError: an RLE or a bitmap of another size.

    Example:
        >>> masks = DeferredMasks([[[1, 1, 3, 1, 3, 3, 1, 3]]], height=4, width=6)
        >>> masks.flip('horizontal').resize((8, 12)).areas.tolist()
        [16]
    """

    def __init__(self, masks: Sequence[Any] | NDArray, height: int, width: int) -> None:
        self._originals = [encode_mask(mask, height, width) for mask in masks]
        self._map = PixelMap.identity(height, width)

    @property
    def height(self) -> int:
        """Rows of pixels after the transforms."""
        return len(self._map.rows)

    @property
    def width(self) -> int:
        """Columns of pixels after the transforms."""
        return len(self._map.columns)

    @property
    def masks(self) -> NDArray[np.uint8]:
        """Pixels (N, H, W); reading or setting them turns this object into a `BitmapMasks`."""
        self.masks = self.to_ndarray()
        return self.masks

    @masks.setter
    def masks(self, pixels: NDArray) -> None:
        size = self.height, self.width
        self.__dict__.clear()
        self.__class__ = BitmapMasks
        self.__init__(pixels, *size)  # type: ignore[misc]

    def __len__(self) -> int:
        return len(self._originals)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_masks={len(self)}, height={self.height}, width={self.width})'

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return map(self._pixels, self._originals)

    def __getitem__(self, index: Any) -> DeferredMasks:
        """Select masks.

        Args:
            index: int, slice, list, array or tensor, of integers or bool.

        Returns:
            The masks; one for an int.
        """
        index = index.cpu().numpy() if isinstance(index, Tensor) else index
        rows = np.arange(len(self))[index].reshape(-1)
        return self._replace([self._originals[row] for row in rows], self._map)

    # ---- recorded

    def rescale(self, scale: Any, interpolation: str = 'nearest') -> BitmapMasks:
        """Return masks as large as possible within `scale`, or `scale` times as large; see `mmcv.imrescale`."""
        return self.resize(mmcv.rescale_size((self.width, self.height), scale)[::-1], interpolation)

    def resize(self, out_shape: tuple[int, int], interpolation: str = 'nearest') -> BitmapMasks:
        """Return masks of `out_shape` (height, width); see `mmcv.imresize`."""
        if interpolation != 'nearest':
            return super().resize(out_shape, interpolation)
        return self._replace(self._originals, self._map.resize(*out_shape))

    def flip(self, flip_direction: str = 'horizontal') -> BitmapMasks:
        """Return masks flipped in `flip_direction`: 'horizontal', 'vertical' or 'diagonal' (both)."""
        assert flip_direction in ('horizontal', 'vertical', 'diagonal')
        flipped = self._map.flip(rows=flip_direction != 'horizontal', columns=flip_direction != 'vertical')
        return self._replace(self._originals, flipped)

    def pad(self, out_shape: tuple[int, int], pad_val: float = 0) -> BitmapMasks:
        """Return masks of `out_shape` (height, width), padded at the bottom and the right with `pad_val`.

        Raises:
            ValueError: `out_shape` is smaller than the masks.
        """
        height, width = out_shape
        if height < self.height or width < self.width:
            raise ValueError(f'out_shape is {height} x {width}, expected at least {self.height} x {self.width}')
        if pad_val != 0:
            return super().pad(out_shape, pad_val)
        return self._replace(self._originals, self._map.pad(height, width))

    def crop(self, bbox: NDArray[np.integer]) -> BitmapMasks:
        """Return masks of the pixels in `bbox` (x1, y1, x2, y2), clipped to the image; at least one pixel."""
        assert isinstance(bbox, np.ndarray)
        assert bbox.ndim == 1
        (x1, x2), (y1, y2) = bbox[0::2].clip(0, self.width), bbox[1::2].clip(0, self.height)
        return self._replace(self._originals, self._map.crop(y1, x1, max(y2 - y1, 1), max(x2 - x1, 1)))

    @classmethod
    def cat(cls, masks: Sequence[BitmapMasks]) -> BitmapMasks:
        """Return the masks of all `masks`: deferred where these have the same transforms, else a `BitmapMasks`."""
        if masks and all(isinstance(mask, DeferredMasks) and mask._map.equals(masks[0]._map) for mask in masks):
            return masks[0]._replace([original for mask in masks for original in mask._originals], masks[0]._map)
        return BitmapMasks.cat(masks)

    # ---- read

    def crop_and_resize(
        self,
        bboxes: NDArray | Tensor,
        out_shape: tuple[int, int],
        inds: NDArray | Tensor,
        device: str | torch.device = 'cpu',
        interpolation: str = 'bilinear',
        binarize: bool = True,
    ) -> BitmapMasks:
        """Compute one mask of `out_shape` for each RoI.

        Args:
            bboxes: (R, 4) x1, y1, x2, y2 in pixels, on any device.
            out_shape: height and width of the result.
            inds: (R,) index of each RoI's mask.
            device: unused; computed on the CPU, and mmdet sends the result to the RoIs' device.
            interpolation: unused; as in `BitmapMasks` it is RoIAlign, bilinear with adaptive sampling.
            binarize: give bool, True from 0.5 on; False gives float32 in [0, 1].

        Returns:
            (R, height, width) masks.
        """
        boxes, owners = (x.cpu().numpy() if isinstance(x, Tensor) else np.asarray(x) for x in (bboxes, inds))
        boxes = boxes.astype(np.float64 if boxes.dtype == np.float64 else np.float32)
        if not len(self):
            boxes, owners = boxes[:0], owners[:0]
        averages = average_bins(self._originals, self._map, owners, boxes, out_shape)
        return BitmapMasks(averages >= 0.5 if binarize else averages, *out_shape)

    @property
    def areas(self) -> NDArray[np.uint64]:
        """(N,) pixels of each instance."""
        return np.array([self._show(original)[0].sum() for original in self._originals], dtype=np.uint64)

    def get_bboxes(self, dst_type: str = 'hbox') -> BaseBoxes:
        """Return the (N,) bounding boxes of the masks, of the type `dst_type`; zeros for an empty mask."""
        return self.to_bitmap().get_bboxes(dst_type)

    def to_bitmap(self) -> BitmapMasks:
        """Return the same masks as pixels."""
        return BitmapMasks(self.to_ndarray(), self.height, self.width)

    def to_ndarray(self) -> NDArray[np.uint8]:
        """Return the pixels (N, H, W), 0 or 1."""
        pixels = np.zeros((len(self), self.height, self.width), dtype=np.uint8)
        for target, mask in zip(pixels, self, strict=True):
            target[...] = mask
        return pixels

    def to_tensor(self, dtype: torch.dtype, device: str | torch.device) -> Tensor:
        """Return the pixels (N, H, W) of the type `dtype` on `device`."""
        return torch.as_tensor(self.to_ndarray(), dtype=dtype, device=device)

    def _show(self, original: RunLengths) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Return the pixels of a mask that its window supplies, and their rows and columns."""
        top, left, window = original.window
        rows, columns = self._map.rows - top, self._map.columns - left
        to_rows, to_columns = (
            np.flatnonzero((indices >= 0) & (indices < size))
            for indices, size in zip((rows, columns), window.shape, strict=True)
        )
        return window[np.ix_(rows[to_rows], columns[to_columns])], to_rows, to_columns

    def _pixels(self, original: RunLengths) -> NDArray[np.uint8]:
        shown, rows, columns = self._show(original)
        pixels = np.zeros((self.height, self.width), dtype=np.uint8)
        pixels[np.ix_(rows, columns)] = shown
        return pixels

    def _replace(self, originals: list[RunLengths], pixel_map: PixelMap) -> DeferredMasks:
        changed = copy.copy(self)
        changed._originals, changed._map = originals, pixel_map
        return changed
