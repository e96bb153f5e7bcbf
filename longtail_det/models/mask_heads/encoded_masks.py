"""Predicted masks as run-length encodings, in the place where mmdet keeps full images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from pycocotools import mask as mask_api
from torch import Tensor

from .decoded_on_demand import DecodedOnDemand


class EncodedMask(DecodedOnDemand, dict):
    """One mask in COCO's compressed run-length encoding: a dict of `size` [H, W] and `counts`.

    By its keys, length and items it is that dict; torch, numpy, operators and any other index see the (H, W) bool mask.
    pycocotools' `iou` and `merge` want a plain dict: `dict(mask)`.

    Args:
        size: [H, W] of the image, in pixels.
        counts: compressed run lengths, as pycocotools gives them.
        device: where torch's results are.
    """

    def __init__(self, size: list[int], counts: bytes | str, device: torch.device | str = 'cpu') -> None:
        super().__init__(size=size, counts=counts)
        self.device = torch.device(device)

    @property
    def shape(self) -> torch.Size:
        """(H, W) of the image."""
        return torch.Size(self['size'])

    def __getitem__(self, key: Any) -> Any:
        """Return the value of a key, or part of the mask as a tensor on the CPU: mmdet's encoders make it an array."""
        return super().__getitem__(key) if isinstance(key, str) else self.decode(torch.device('cpu'))[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, str):
            dict.__setitem__(self, key, value)
        else:
            super().__setitem__(key, value)

    def __eq__(self, other: object) -> Any:
        return dict.__eq__(self, other) if isinstance(other, dict) else DecodedOnDemand.__eq__(self, other)

    def __ne__(self, other: object) -> Any:
        return dict.__ne__(self, other) if isinstance(other, dict) else DecodedOnDemand.__ne__(self, other)

    __hash__ = None

    def numpy(self) -> np.ndarray:
        """Return an (H, W) bool array."""
        return np.ascontiguousarray(mask_api.decode(dict(self)), dtype=bool)


class EncodedMasks(DecodedOnDemand):
    """The masks of an image, one `EncodedMask` each, as a field of mmengine's `InstanceData`.

    Takes a hundredth of the memory of the (N, H, W) bool tensor it stands for, and may be used as that tensor. Metrics
    that take encoded masks (ours, mmdet's `CocoMetric`) read it as it is.

    Args:
        counts: N byte strings of COCO's compressed run-length encoding.
        height: of the image, in pixels.
        width: of the image, in pixels.
        device: where torch's results are.

    Example:
        >>> masks = EncodedMasks([b'01S3'], height=10, width=10)
        >>> masks.shape, masks.sum().item(), masks.float().mean().item() < 0.1
        (torch.Size([1, 10, 10]), 1, True)
    """

    def __init__(self, counts: Sequence[bytes], height: int, width: int, device: torch.device | str = 'cpu') -> None:
        self._size = (int(height), int(width))
        self.device = torch.device(device)
        self._masks = [EncodedMask(list(self._size), each, self.device) for each in counts]

    def _of(self, masks: list[EncodedMask]) -> EncodedMasks:
        new = EncodedMasks([], *self._size, self.device)
        new._masks = masks
        return new

    def __len__(self) -> int:
        return len(self._masks)

    def __iter__(self) -> Iterator[EncodedMask]:
        return iter(self._masks)

    def __getitem__(self, index: Any) -> Any:
        """Return one mask for an integer; several for a slice, or a list, array or tensor of N booleans or of indices.

        Any other index gives part of the decoded tensor.
        """
        if isinstance(index, slice):
            return self._of(self._masks[index])
        if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
            return self._masks[index]
        if isinstance(index, (list, np.ndarray, Tensor)):
            chosen: Any = index.cpu().numpy() if isinstance(index, Tensor) else index
            # not more dimensions, which would be an index of pixels
            if np.ndim(chosen) == 1:
                return self._of([self._masks[i] for i in np.arange(len(self))[chosen].tolist()])
            if np.ndim(chosen) == 0 and chosen.dtype != bool:
                return self._masks[int(chosen)]
        return self.decode()[index]

    @staticmethod
    def cat(parts: Sequence[EncodedMasks | Tensor]) -> EncodedMasks | Tensor:
        """Return the masks of one or more results on one image, as a tensor where one of the parts is a tensor.

        Raises:
            ValueError: image sizes that differ.
        """
        sizes = sorted({tuple(part.shape[1:]) for part in parts})
        if len(sizes) != 1:
            raise ValueError(f'masks of images of different sizes {sizes} (height, width) cannot be one result')
        encoded = [part for part in parts if isinstance(part, EncodedMasks)]
        if len(encoded) < len(parts):
            return torch.cat(list(parts))  # type: ignore[arg-type]
        return encoded[0]._of([mask for part in encoded for mask in part])

    @property
    def shape(self) -> torch.Size:
        """(N, H, W) of the masks as a tensor."""
        return torch.Size((len(self), *self._size))

    def numpy(self) -> np.ndarray:
        """Return an (N, H, W) bool array, as large as mmdet's masks."""
        images = np.zeros(self.shape, dtype=bool)
        for image, mask in zip(images, self._masks, strict=True):
            image[:] = mask.numpy()
        return images

    def detach(self) -> EncodedMasks:
        """Return itself: there is no graph."""
        return self

    def cpu(self) -> EncodedMasks:
        """Return encoded masks whose tensors are in the memory of the host."""
        return self.to('cpu')

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Return encoded masks for another device, or a decoded tensor of another dtype, as `torch.Tensor.to`."""
        device, dtype = torch._C._nn._parse_to(*args, **kwargs)[:2]  # as torch.nn.Module.to reads them
        if dtype not in (None, torch.bool):
            return self.decode().to(*args, **kwargs)
        return EncodedMasks([mask['counts'] for mask in self], *self._size, device or self.device)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_masks={len(self)}, height={self._size[0]}, width={self._size[1]})'
