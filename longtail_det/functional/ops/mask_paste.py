"""Soft RoI masks pasted into an image, as runs of pixels: each box's crop is worked on, never a full image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

#: pixels pasted at once; bounds the memory
_GROUP_PIXELS = {'cpu': 2**20, 'cuda': 2**24}
#: pixels of padding that cost as much as pasting one more group
_GROUP_OVERHEAD = 2**14
#: a side of a box so short that dividing by it overflows, which pastes the center of the mask everywhere
_NO_SIDE = 1e-20


def paste_runs(
    probs: Tensor, boxes: Tensor, height: int, width: int, *, threshold: float, near_box: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pixels of masks pasted into their boxes that reach a threshold, as runs down the columns.

    Same decisions, pixel by pixel, as mmdet's paste (bilinear, zero outside the mask, pixel centers at 0.5).

    Args:
        probs: (N, 1, h, w) values of the masks, any float dtype.
        boxes: (N, 4) xyxy in pixels of the image; may leave it, and may have no area.
        height: of the image, in pixels.
        width: of the image, in pixels.
        threshold: a pixel of at least this value is on; >= 0.
        near_box: True gives no pixel further than one from the box, as mmdet does on a CPU; False also what bilinear
            sampling puts around the box (half a mask cell), as mmdet does on a GPU.

    Returns:
        For each of K runs its mask in [0, N), its first pixel and the pixel after its last, (K,) int64 each, sorted;
        pixel y of column x is x * height + y. Runs of one mask do not touch.
    """
    probs, boxes = probs.detach(), boxes.detach()
    windows = _windows(boxes, probs.shape[-2:], height, width, whole=threshold <= 0, near_box=near_box)
    pieces = [
        _group_runs(index, probs, boxes, windows, height, threshold) for index in _groups(windows, probs.device.type)
    ]
    if not pieces:
        return (np.zeros(0, dtype=np.int64),) * 3
    owner, start, end = torch.cat(pieces, dim=1).cpu().numpy()
    order = np.argsort(owner, kind='stable')
    return _join_touching(owner[order], start[order], end[order])


def _windows(boxes: Tensor, mask_size: torch.Size, height: int, width: int, *, whole: bool, near_box: bool) -> Tensor:
    """(N, 4) int64 on the CPU: first column, first row, column and row after the last that can be on."""
    first, last = boxes[:, :2], boxes[:, 2:]
    limit = torch.tensor([width, height])
    if near_box:
        corners = torch.cat([first.floor() - 1, last.ceil() + 1], dim=1)
    else:
        side = last - first
        # beyond half a mask cell all four neighbors are outside the mask
        reach = side.abs() / (2 * side.new_tensor([mask_size[1], mask_size[0]]))
        corners = torch.cat(
            [(torch.minimum(first, last) - reach).floor() - 1, (torch.maximum(first, last) + reach).ceil() + 1], dim=1
        )
        everywhere = (side.abs() < _NO_SIDE) | whole
        corners = torch.where(everywhere.repeat(1, 2), side.new_tensor([0, 0, width, height]), corners)
    # clamped before and after: neither an infinity nor a NaN may become a large integer
    corners = corners.float().cpu().clamp(min=-1, max=max(height, width) + 1).long()
    return torch.cat([corners[:, :2].clamp(min=0), torch.minimum(corners[:, 2:], limit)], dim=1)


def _groups(windows: Tensor, device_type: str) -> Iterator[Tensor]:
    """Masks whose windows are of like size, to be pasted at once."""
    sizes = (windows[:, 2:] - windows[:, :2]).numpy()
    some = np.flatnonzero((sizes > 0).all(axis=1))
    widths = np.round(2 * np.log2(sizes[some, 0]))
    most = _GROUP_PIXELS.get(device_type, _GROUP_PIXELS['cuda'])
    group: list[int] = []
    pixels, side = 0, np.zeros(2, dtype=np.int64)
    for mask in some[np.lexsort((sizes[some, 1], widths))].tolist():
        bound = np.maximum(side, sizes[mask])
        padded, real = (len(group) + 1) * int(bound.prod()), pixels + int(sizes[mask].prod())
        if group and (padded > most or padded - real > real // 4 + _GROUP_OVERHEAD):
            yield torch.tensor(group)
            group, real, bound = [], int(sizes[mask].prod()), sizes[mask]
        group.append(mask)
        pixels, side = real, bound
    if group:
        yield torch.tensor(group)


def _group_runs(index: Tensor, probs: Tensor, boxes: Tensor, windows: Tensor, height: int, threshold: float) -> Tensor:
    """(3, K) mask, first pixel, pixel after the last, of the runs within single columns."""
    device = probs.device
    sizes = windows[index, 2:] - windows[index, :2]
    w, h = sizes.max(dim=0).values.tolist()
    index, sizes, corner = index.to(device), sizes.to(device), windows[index, :2].to(device)
    steps_x, steps_y = torch.arange(w, device=device), torch.arange(h, device=device)
    x = _relative(corner[:, :1] + steps_x, boxes[index, 0::2])
    y = _relative(corner[:, 1:] + steps_y, boxes[index, 1::2])
    # columns before rows: the runs of COCO go down the columns
    grid = torch.stack([x[:, :, None].expand(-1, w, h), y[:, None, :].expand(-1, w, h)], dim=3)
    values = F.grid_sample(probs[index].to(torch.float32), grid, align_corners=False)[:, 0]
    # a row that is off before every column, and after the last: runs end where their column does
    line = torch.zeros(len(index) * w * (h + 1) + 1, dtype=torch.bool, device=device)
    on = line[:-1].view(-1, w, h + 1)[:, :, 1:]
    torch.ge(values, threshold, out=on)
    if len(index) > 1:
        on &= (steps_x < sizes[:, :1])[:, :, None] & (steps_y < sizes[:, 1:])[:, None, :]
    changes = (line[1:] != line[:-1]).nonzero()[:, 0]
    # `changes` are the pixels before: of a start the one above it, of an end the last that is on
    first, last = changes[0::2], changes[1::2]
    column = torch.div(first + 1, h + 1, rounding_mode='floor')
    mask = torch.div(column, w, rounding_mode='floor')
    # from a place in `line` to a pixel of the image
    shift = (corner[mask, 0] + column - mask * w) * height + corner[mask, 1] - column * (h + 1) - 1
    return torch.stack([index[mask], first + 1 + shift, last + 1 + shift])


def _relative(pixels: Tensor, ends: Tensor) -> Tensor:
    """Pixel centers in the coordinates of a box, -1 to 1; arithmetic and its order are mmdet's."""
    first, last = ends[:, :1], ends[:, 1:]
    place = (pixels.to(torch.float32) + 0.5 - first) / (last - first) * 2 - 1
    return place.masked_fill(place.isinf(), 0.0)


def _join_touching(owner: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the runs, joined where one goes on at the top of the next column."""
    touch = (end[:-1] == start[1:]) & (owner[:-1] == owner[1:])
    opens, closes = np.append(True, ~touch)[: len(owner)], np.append(~touch, True)[: len(owner)]
    return owner[opens], start[opens], end[closes]
