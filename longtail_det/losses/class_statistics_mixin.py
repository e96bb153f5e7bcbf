"""How a loss gets the statistics of the training set: from the config, from a hook, or from its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from longtail_det.annotations import load_class_statistics
from longtail_det.statistics import ClassStatistics

#: a mapping (docs/architecture.md), a path to a json, the object itself, or None for 'the hook will bring them'
StatisticsSource: TypeAlias = ClassStatistics | Mapping[str, Any] | str | Path | None


class NeedsClassStatistics(nn.Module):
    """Mixin of losses that treat classes by their frequency.

    The subclass calls `init_statistics` at the end of its constructor and writes `use_statistics`, which stores what
    it needs in buffers. A checkpoint then tests without any annotation file.
    """

    num_classes: int
    num_images: Tensor

    def init_statistics(self, source: StatisticsSource) -> None:
        """Register the state, and take statistics given in the config; these win over the hook's.

        Args:
            source: a mapping, a path, `ClassStatistics`, or None.
        """
        # images behind the statistics; 0 = none yet. A buffer, so that a checkpoint says that it knows them.
        self.register_buffer('num_images', torch.zeros((), dtype=torch.long))
        self._from_config = source is not None
        self._known = False
        if source is not None:
            self._take(as_statistics(source))

    def set_class_statistics(self, stats: ClassStatistics) -> None:
        """Take the statistics of the training set (called by `ClassStatisticsHook`); those of the config stay.

        Args:
            stats: one entry per class, in the order of the model's classes.

        Raises:
            ValueError: the number of classes differs from the loss's.
        """
        if not self._from_config:
            self._take(stats)

    def _take(self, stats: ClassStatistics) -> None:
        if stats.num_classes != self.num_classes:
            raise ValueError(
                f'{type(self).__name__} has num_classes={self.num_classes}, the class statistics hold '
                f'{stats.num_classes} classes; set num_classes to the number of classes of the training set'
            )
        self.use_statistics(stats)
        self.num_images.fill_(stats.num_images)

    def use_statistics(self, stats: ClassStatistics) -> None:
        """Store what the loss needs in its buffers.

        Args:
            stats: of `num_classes` classes.
        """
        raise NotImplementedError

    def require_statistics(self) -> None:
        """Raise a RuntimeError that names the hook and the key, as long as nobody has brought statistics."""
        # asking the buffer waits for the device, so only until the answer was yes
        self._known = self._known or bool(self.num_images > 0)
        if not self._known:
            raise RuntimeError(
                f'{type(self).__name__} has no class statistics: add dict(type="ClassStatisticsHook") to '
                'custom_hooks, or give the loss class_statistics=dict(image_count=[...], instance_count=[...], '
                'num_images=n) or the path of a json of tools/data/class_statistics.py'
            )


def as_statistics(source: ClassStatistics | Mapping[str, Any] | str | Path) -> ClassStatistics:
    """Read statistics from whatever a config can hold.

    Args:
        source: `ClassStatistics`, a mapping of its fields, or the path of a json.

    Returns:
        The statistics.

    Raises:
        ValueError, FileNotFoundError: what is wrong with the source, in one line.
    """
    if isinstance(source, ClassStatistics):
        return source
    if isinstance(source, Mapping):
        return ClassStatistics.from_dict(source)
    return load_class_statistics(source)
