"""Tables that say something of each class: those of the config beat those of a hook beat those of the checkpoint."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from longtail_det.annotations import StatisticsSource, as_class_statistics
from longtail_det.statistics import ClassStatistics

#: None: the hook will bring them
OptionalStatistics: TypeAlias = StatisticsSource | None


class NeedsClassTable(nn.Module):
    """Mixin of modules that keep a table of the classes in buffers, so that a checkpoint needs no annotation file.

    The subclass calls `init_table` at the end of its constructor, and has a method for the hook that ends in
    `offer_table`.
    """

    #: what the error of `require_table` asks for
    missing_table = ''
    #: and the option of the config, for the same error
    table_option = ''

    def init_table(self, given: Any) -> None:
        """Store the table that the config gives, None where it gives none."""
        self.table_given = given is not None
        self._known = False
        if given is not None:
            self._store(given)

    def offer_table(self, table: Any) -> None:
        """Store the table that a hook brings, unless the config gave one."""
        if not self.table_given:
            self._store(table)

    def _store(self, table: Any) -> None:
        self.store_table(table)
        self._known = True

    def store_table(self, table: Any) -> None:
        """Move what is needed into buffers."""
        raise NotImplementedError

    def has_table(self) -> bool:
        """Return whether the buffers hold a table, as after loading a checkpoint."""
        raise NotImplementedError

    def require_table(self) -> None:
        """Raise a RuntimeError as long as nobody has brought a table; the message names the hook and the key."""
        # asking a buffer waits for the device, so only until the answer was yes
        self._known = self._known or self.has_table()
        if not self._known:
            raise RuntimeError(
                f'{type(self).__name__} has no {self.missing_table}: add dict(type="ClassStatisticsHook") to '
                f'custom_hooks, or give {self.table_option}'
            )


class NeedsClassStatistics(NeedsClassTable):
    """Mixin of losses that treat classes by their frequency.

    The subclass calls `init_statistics` at the end of its constructor and writes `use_statistics`, which stores what
    it needs in buffers.
    """

    missing_table = 'class statistics'
    table_option = (
        'the loss class_statistics=dict(image_count=[...], instance_count=[...], num_images=n) or the path of a json '
        'of tools/data/class_statistics.py'
    )
    num_classes: int
    num_images: Tensor

    def init_statistics(self, source: OptionalStatistics) -> None:
        """Register the state, and store the statistics that the config gives; they win over the hook's."""
        # images behind the statistics; 0 = none yet. A buffer, so that a checkpoint says that it knows them.
        self.register_buffer('num_images', torch.zeros((), dtype=torch.long))
        self.init_table(None if source is None else as_class_statistics(source))

    def set_class_statistics(self, stats: ClassStatistics) -> None:
        """Store the statistics of the training set (called by `ClassStatisticsHook`), unless the config gave some.

        Args:
            stats: one entry per class, in the order of the model's classes; another number of them is a ValueError.
        """
        self.offer_table(stats)

    def store_table(self, table: ClassStatistics) -> None:
        """Store what the loss needs of the statistics."""
        if table.num_classes != self.num_classes:
            raise ValueError(
                f'{type(self).__name__} has num_classes={self.num_classes}, the class statistics hold '
                f'{table.num_classes} classes; set num_classes to the number of classes of the training set'
            )
        self.use_statistics(table)
        self.num_images.fill_(table.num_images)

    def has_table(self) -> bool:
        """Return whether a checkpoint brought statistics."""
        return bool(self.num_images > 0)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store in buffers what the loss needs of the statistics of its `num_classes` classes."""
        raise NotImplementedError
