"""Index arithmetic of many ring buffers of one capacity, without a loop and without waiting for the device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def push_slots(rings: Tensor, written: Tensor, capacity: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return where each item goes when items are appended to their rings one after the other.

    Every shape depends on shapes alone, never on values, so nothing is copied to the host. Items that must not be
    stored (no ring, or overwritten by later items of the same call) are given the slot after the last ring.

    Args:
        rings: (N,) int64 in [0, R]; ring of each item, R for none.
        written: (R,) int64, items ever appended to each ring.
        capacity: slots of a ring; ring r owns [r * capacity, (r + 1) * capacity).

    Returns:
        order: (N,) int64, the items sorted by ring, those of one ring in the order given.
        slots: (N,) int64 slot of item `order[i]`, in [0, R * capacity].
        added: (R,) int64 items appended to each ring.

    Example:
        >>> order, slots, added = push_slots(torch.tensor([1, 0, 1, 1, 2]), torch.tensor([0, 5]), capacity=2)
        >>> order.tolist(), slots.tolist(), added.tolist()
        ([1, 0, 2, 3, 4], [0, 4, 2, 3, 4], [1, 3])
    """
    num_rings = written.numel()
    added = written.new_zeros(num_rings + 1).index_add_(0, rings, torch.ones_like(rings))
    # not bincount, which asks the device for the largest value
    rings, order = rings.sort(stable=True)
    rank = torch.arange(rings.numel(), device=rings.device) - (added.cumsum(0) - added)[rings]
    stays = (rings < num_rings) & (rank >= added[rings] - capacity)
    position = (F.pad(written, (0, 1))[rings] + rank) % capacity
    return order, torch.where(stays, rings * capacity + position, num_rings * capacity), added[:-1]


def recent_positions(written: Tensor, capacity: int, count: int) -> tuple[Tensor, Tensor]:
    """Return the positions of the latest items of each ring, the newest first.

    Args:
        written: (M,) int64, items ever appended to each ring.
        capacity: slots of a ring.
        count: columns P wanted, <= capacity.

    Returns:
        (M, P) int64 positions in [0, capacity), and (M, P) bool, False where the ring holds fewer items.
    """
    age = torch.arange(count, device=written.device)
    return (written[:, None] - 1 - age) % capacity, age < written[:, None]


def repeated_positions(written: Tensor, capacity: int, count: int) -> tuple[Tensor, Tensor]:
    """Positions of items of each ring drawn with replacement (from PyTorch's default generator).

    Args:
        written: (M,) int64, items ever appended to each ring.
        capacity: slots of a ring.
        count: columns P wanted.

    Returns:
        (M, P) int64 positions in [0, capacity), and (M, P) bool, False in rings that hold no item.
    """
    stored = written.clamp(max=capacity)[:, None]
    drawn = (torch.rand(written.numel(), count, device=written.device) * stored).long()
    return drawn.minimum((stored - 1).clamp(min=0)), (stored > 0).expand(-1, count)


def random_positions(written: Tensor, capacity: int, count: int) -> tuple[Tensor, Tensor]:
    """Return what `recent_positions` returns, of items drawn without replacement (PyTorch's default generator)."""
    keys = torch.rand(written.numel(), capacity, device=written.device)
    empty = torch.arange(capacity, device=written.device) >= written[:, None]
    drawn, positions = keys.masked_fill(empty, -1.0).topk(count, dim=1)
    return positions, drawn >= 0
