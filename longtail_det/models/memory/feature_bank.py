"""FeatureBank: the last RoI features of each target class, in ring buffers that live in module buffers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from longtail_det.checks import one_of, whole
from longtail_det.losses import NeedsClassTable

from .ring import push_slots, random_positions, recent_positions, repeated_positions

_POSITIONS = {'recent': recent_positions, 'random': random_positions, 'repeated': repeated_positions}
SAMPLE_STRATEGIES = tuple(_POSITIONS)
BANK_DTYPES = ('float32', 'float16', 'bfloat16')


class FeatureBank(NeedsClassTable):
    """First-in-first-out memory of RoI features, labels and box targets, one ring a class (RIO, arXiv:2104.05702).

    Only target classes get memory: those of the config, else those that `ClassStatisticsHook` brings, else those of a
    loaded checkpoint. The whole state is in buffers: a resume is exact, and a checkpoint of any number of target
    classes loads without an annotation file. Each process fills its own bank; mmengine saves that of rank 0, so after
    a resume every rank goes on from rank 0's. `EMAHook` copies the model before the hook has sized the bank: give
    `target_classes` in the config.

    On a GPU nothing here waits for the device, except `sample`, whose result has as many rows as the bank holds:
    `sample_padded` has a fixed number of rows and says which count.

    Args:
        num_classes: foreground classes C; label C is background.
        feat_dim: size D of a feature.
        target_dim: size B of a box regression target.
        capacity: features kept of a class.
        target_classes: class indices to keep features of; they win over what a hook brings.
        dtype: 'float32', or 'float16' / 'bfloat16' for half the memory.

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> bank = FeatureBank(num_classes=3, feat_dim=1, target_dim=1, capacity=2, target_classes=[0, 2])
        >>> x = torch.arange(4.0)[:, None]
        >>> bank.push(x, torch.tensor([2, 2, 1, 2]), x)
        >>> bank.counts.tolist(), [part.flatten().tolist() for part in bank.sample(torch.tensor([2, 3]), 20)]
        ([0, 0, 2], [[3.0, 1.0], [2, 2], [3.0, 1.0]])
    """

    missing_table = 'target classes'
    table_option = 'the box head bank=dict(target_classes=[...])'
    #: (R * capacity + 1, D) and (R * capacity + 1, B), R target classes; the last row is where what is not kept goes
    features: Tensor
    targets: Tensor
    #: (R,) int64, features ever pushed of each target class
    written: Tensor
    #: (R + 1,) int64 ascending class indices, then C
    class_of_row: Tensor
    #: (C + 1,) int64 in [0, R]; R = not a target
    row_of_class: Tensor

    def __init__(
        self,
        num_classes: int,
        feat_dim: int,
        target_dim: int,
        capacity: int = 60,
        target_classes: Iterable[int] | None = None,
        dtype: str = 'float32',
    ) -> None:
        super().__init__()
        one_of('dtype', dtype, BANK_DTYPES)
        self.num_classes = whole('num_classes', num_classes, 1)
        self.capacity = whole('capacity', capacity, 1)
        self.register_buffer('features', torch.zeros(1, feat_dim, dtype=getattr(torch, dtype)))
        self.register_buffer('targets', torch.zeros(1, target_dim))
        self.register_buffer('written', torch.zeros(0, dtype=torch.long))
        self.register_buffer('class_of_row', torch.full((1,), num_classes))
        self.register_buffer('row_of_class', torch.zeros(num_classes + 1, dtype=torch.long))
        self._allocate([])
        self.init_table(target_classes)

    def set_target_classes(self, indices: Iterable[int]) -> None:
        """Keep features of these classes, unless the config names some (called by `ClassStatisticsHook`).

        Args:
            indices: class indices, in any order; one outside [0, C) is a ValueError.
        """
        self.offer_table(indices)

    def store_table(self, table: Iterable[int]) -> None:
        """Make room for the target classes; nothing is lost where a checkpoint kept the same."""
        classes = sorted({int(index) for index in table})
        wrong = [index for index in classes if not 0 <= index < self.num_classes]
        if wrong:
            raise ValueError(f'FeatureBank: target classes {wrong}; expected indices in [0, {self.num_classes})')
        if classes != self.target_classes:
            self._allocate(classes)

    def has_table(self) -> bool:
        """Return whether a checkpoint brought target classes."""
        return bool(self.target_classes)

    def _allocate(self, classes: list[int]) -> None:
        #: ascending; the same as in `class_of_row`, for the host
        self.target_classes = classes
        rows = len(classes) * self.capacity + 1
        self.features = self.features.new_zeros(rows, self.features.size(1))
        self.targets = self.targets.new_zeros(rows, self.targets.size(1))
        self.written = self.written.new_zeros(len(classes))
        self.class_of_row = self.class_of_row.new_tensor([*classes, self.num_classes])
        self.row_of_class = torch.full_like(self.row_of_class, len(classes))
        self.row_of_class[self.class_of_row] = torch.arange(len(classes) + 1, device=self.row_of_class.device)

    @property
    def counts(self) -> Tensor:
        """Number of features stored of each class, (C,) int64."""
        return F.pad(self.written.clamp(max=self.capacity), (0, 1))[self.row_of_class[:-1]]

    @torch.no_grad()
    def push(self, features: Tensor, labels: Tensor, targets: Tensor) -> None:
        """Append RoIs to the rings of their classes, in the order given; those of other classes are left out.

        Args:
            features: (N, D) float.
            labels: (N,) int64 in [0, C], C = background.
            targets: (N, B) float.
        """
        self.require_table()
        rows = self.row_of_class[labels]
        order, slots, added = push_slots(rows, self.written, self.capacity)
        for stored, new in ((self.features, features), (self.targets, targets)):
            stored.index_copy_(0, slots, new[order].to(stored.dtype))
            # what was not kept has no defined order of writing there; zero it, so that equal runs have equal state
            stored[-1].zero_()
        self.written += added

    def sample(self, labels: Tensor, num_per_class: int, strategy: str = 'recent') -> tuple[Tensor, Tensor, Tensor]:
        """Return min(`num_per_class`, stored) features of every target class that is in `labels`.

        Args:
            labels: (N,) int64 in [0, C]; how often a class occurs does not matter.
            num_per_class: most features of a class.
            strategy: 'recent', the latest pushed; 'random', without replacement; or 'repeated', with replacement and
                `num_per_class` of each class.

        Returns:
            (K, D) features in the bank's dtype, (K,) labels, (K, B) targets, ordered by class and, for 'recent', the
            latest first. Copies, without gradient.

        Raises:
            ValueError: another strategy, or `num_per_class` below 1.
        """
        slots, classes, counts = self._choose(labels, num_per_class, strategy, labels.numel())
        keep = counts.nonzero().squeeze(1)
        slots = slots[keep]
        return self.features[slots], classes[keep], self.targets[slots]

    def sample_padded(
        self, labels: Tensor, num_per_class: int, strategy: str, max_classes: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what `sample` returns, in a number of rows that depends on no value: nobody waits for a GPU.

        Args:
            labels: (N,) int64 in [0, C].
            num_per_class: most features of a class.
            strategy: as in `sample`.
            max_classes: a bound on how many different target classes `labels` holds; classes beyond it are left out.

        Returns:
            (M, D) features, (M,) labels, (M, B) targets as `sample` gives them, and (M,) bool, which rows count; the
            others are zero, of label C. M = min(max_classes, target classes) * min(num_per_class, capacity).
        """
        slots, classes, counts = self._choose(labels, num_per_class, strategy, max_classes)
        return self.features[slots], classes, self.targets[slots], counts

    @torch.no_grad()
    def _choose(
        self, labels: Tensor, num_per_class: int, strategy: str, max_classes: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return slots, labels and validity of the M rows to take; rows that do not count have the last slot."""
        self.require_table()
        if strategy not in SAMPLE_STRATEGIES or num_per_class < 1:
            raise ValueError(
                f'strategy={strategy!r}, num_per_class={num_per_class}; expected one of {SAMPLE_STRATEGIES} and >= 1'
            )
        present = torch.zeros_like(self.class_of_row, dtype=torch.uint8)
        present = present.index_fill_(0, self.row_of_class[labels], 1)[:-1]
        rows = present.sort(descending=True, stable=True).indices[:max_classes]
        position, counts = _POSITIONS[strategy](self.written[rows], self.capacity, min(num_per_class, self.capacity))
        counts = counts & present[rows].bool()[:, None]
        slots = torch.where(counts, rows[:, None] * self.capacity + position, len(self.features) - 1)
        classes = torch.where(counts, self.class_of_row[rows][:, None], self.num_classes)
        return slots.flatten(), classes.flatten(), counts.flatten()

    def extra_repr(self) -> str:
        """Return classes, capacity, feature size and the memory they take, for a log and `print(model)`."""
        classes, dim = self.written.numel(), self.features.size(1)
        size = classes * self.capacity * dim * self.features.element_size() / 1e6
        dtype = str(self.features.dtype).removeprefix('torch.')
        return f'{classes} classes x {self.capacity} x {dim} {dtype} = {size:.0f} MB'

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Take on the target classes of the checkpoint's bank, or refuse it whole: half a bank would replay zeros."""
        saved = {name: state_dict[prefix + name] for name in self._buffers if prefix + name in state_dict}
        if len(saved) < len(self._buffers):
            super()._load_from_state_dict({}, prefix, *args)  # all are reported as missing
            return
        classes = saved['class_of_row'][:-1].tolist()
        theirs, ours = self._layout(saved), self._layout(self._buffers)
        if self.table_given:
            theirs['target_classes'], ours['target_classes'] = classes, self.target_classes
        if theirs != ours:
            error_msgs = args[-1]
            error_msgs.append(
                f'{prefix[:-1]} is left empty: its checkpoint was written with {theirs}, the config says {ours}'
            )
            return
        if classes != self.target_classes:
            self._allocate(classes)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _layout(self, buffers: Mapping[str, Any]) -> dict[str, Any]:
        rows = len(buffers['written'])
        return {
            'num_classes': len(buffers['row_of_class']) - 1,
            'capacity': (len(buffers['features']) - 1) // rows if rows else self.capacity,
            'feat_dim': buffers['features'].size(1),
            'target_dim': buffers['targets'].size(1),
        }
