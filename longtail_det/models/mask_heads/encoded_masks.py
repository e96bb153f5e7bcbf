"""Predicted masks as run-length encodings, in the place where mmdet keeps full images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as mask_api


class EncodedMask(dict):
    """One mask in COCO's compressed run-length encoding: a dict of `size` [H, W] and `counts`.

    Indexed by anything but a key it behaves as the (H, W) image that it encodes, which is how mmdet's
    `encode_mask_results` and its inferencer look at masks.

    Args:
        size: [H, W] of the image, in pixels.
        counts: compressed run lengths, as pycocotools gives them.
    """

    def __init__(self, size: list[int], counts: bytes | str) -> None:
        super().__init__(size=size, counts=counts)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if isinstance(key, str) else self.image()[key]

    def image(self) -> np.ndarray:
        """Decode to an (H, W) uint8 image of 0 and 1."""
        return mask_api.decode(self)


class EncodedMasks:
    """The masks of an image, one `EncodedMask` each, as a field of mmengine's `InstanceData`.

    Takes a hundredth of the memory of the (N, H, W) tensor it stands for. Metrics that take encoded masks (ours,
    mmdet's `CocoMetric`) read it as it is; what asks for an array by `numpy()`, `astype()` or `np.asarray` gets one.

    Args:
        counts: N byte strings of COCO's compressed run-length encoding.
        height: of the image, in pixels.
        width: of the image, in pixels.
    """

    def __init__(self, counts: Sequence[bytes], height: int, width: int) -> None:
        self._size = (int(height), int(width))
        self._masks = [EncodedMask(size=list(self._size), counts=each) for each in counts]

    def _of(self, masks: list[EncodedMask]) -> EncodedMasks:
        new = EncodedMasks([], *self._size)
        new._masks = masks
        return new

    def __len__(self) -> int:
        return len(self._masks)

    def __iter__(self) -> Iterator[EncodedMask]:
        return iter(self._masks)

    def __getitem__(self, index: Any) -> Any:
        """One mask for an integer; for a slice, a list, an array or a tensor of indices or booleans, several."""
        if isinstance(index, slice):
            return self._of(self._masks[index])
        if isinstance(index, (int, np.integer)):
            return self._masks[index]
        chosen = np.arange(len(self))[index.cpu().numpy() if hasattr(index, 'cpu') else index]
        return self._of([self._masks[i] for i in chosen.tolist()])

    @staticmethod
    def cat(parts: Sequence[EncodedMasks]) -> EncodedMasks:
        """Join the masks of several results on one image.

        Args:
            parts: at least one; all of the same image size.

        Raises:
            ValueError: image sizes that differ.
        """
        sizes = sorted({part._size for part in parts})
        if len(sizes) != 1:
            raise ValueError(f'masks of images of different sizes {sizes} (height, width) cannot be one result')
        return parts[0]._of([mask for part in parts for mask in part])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, H, W) of the masks as an array."""
        return (len(self), *self._size)

    def numpy(self) -> np.ndarray:
        """Decode to an (N, H, W) bool array, as large as mmdet's masks."""
        images = np.zeros(self.shape, dtype=bool)
        for image, mask in zip(images, self._masks, strict=True):
            image[:] = mask.image()
        return images

    def astype(self, dtype: Any) -> np.ndarray:
        """Decode to an (N, H, W) array.

        Args:
            dtype: numpy's type of its numbers.
        """
        return self.numpy().astype(dtype, copy=False)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError('encoded masks have no array to share; np.asarray decodes them into a new one')
        return self.astype(bool if dtype is None else dtype)

    def detach(self) -> EncodedMasks:
        """Give itself: there is no graph."""
        return self

    def cpu(self) -> EncodedMasks:
        """Give itself: it lives in the memory of the host."""
        return self

    def to(self, *args: Any, **kwargs: Any) -> EncodedMasks:
        """Give itself, on whatever device and of whatever type the other fields are.

        Args:
            args: as of `torch.Tensor.to`.
            kwargs: the same.
        """
        return self

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_masks={len(self)}, height={self._size[0]}, width={self._size[1]})'
