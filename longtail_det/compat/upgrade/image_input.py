"""A first convolution rewritten for another channel order and scale, with the same output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ImageInput:
    """How images reach a model: (pixel - mean) / std in this channel order, zero outside the image.

    Args:
        mean: 3 values in the order that the model sees, in 0 ... 255.
        std: 3 values, > 0.
        is_rgb: whether red comes first.
    """

    mean: Sequence[float]
    std: Sequence[float]
    is_rgb: bool

    def __str__(self) -> str:
        mean, std = ([round(float(value), 3) for value in values] for values in (self.mean, self.std))
        return f'{"RGB" if self.is_rgb else "BGR"}, mean {mean}, std {std}'


def fold_input(weight: Tensor, source: ImageInput, target: ImageInput) -> Tensor:
    """Return a first convolution that gives on the target's images what it gave on the source's.

    Args:
        weight: (O, 3, kH, kW) float, of a convolution of the source.
        source: what that was trained on.
        target: what it will get.

    Returns:
        (O, 3, kH, kW) of the same dtype.

    Raises:
        ValueError: no convolution of three channels, or the means differ: the zeros around the image then stand for
            another color, and no weight can make up for that.
    """
    if weight.dim() != 4 or weight.size(1) != 3:
        raise ValueError(f'first convolution of shape {tuple(weight.shape)}; expected (channels, 3, height, width)')
    flip = source.is_rgb != target.is_rgb
    mean, std = (list(reversed(v)) if flip else list(v) for v in (source.mean, source.std))
    if any(abs(ours - theirs) > _TOLERANCE for ours, theirs in zip(target.mean, mean, strict=True)):
        raise ValueError(
            f'the checkpoint was trained on images of {source}, the config has {target}: the means differ, and no '
            f'convolution can make up for that at the border; set model.data_preprocessor.mean={mean}'
        )
    factor = torch.tensor(target.std, dtype=torch.float64) / torch.tensor(std, dtype=torch.float64)
    flipped = weight.flip(1) if flip else weight
    return (flipped.double() * factor.to(weight.device)[:, None, None]).to(weight.dtype)
