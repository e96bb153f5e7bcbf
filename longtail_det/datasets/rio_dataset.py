"""Image-level resampling that also says which classes object-level resampling is for (RIO)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.registry import DATASETS
from mmengine.logging import print_log

from longtail_det.checks import whole
from longtail_det.statistics import REPLAY_MAX_IMAGES, replay_classes

from .resampling import RepeatFactorDataset


@DATASETS.register_module()
class RIODataset(RepeatFactorDataset):
    """Resample images as RepeatFactorDataset, and choose the classes whose features the head replays.

    Chang et al., Image-Level or Object-Level?, ICML 2021, arXiv:2104.05702. The chosen classes are those of at most
    `max_images` training images and, whatever it says, all rare ones: 553 classes of LVIS v1, 706 of v0.5 by default.
    `ClassStatisticsHook` carries them to the head.

    Args:
        dataset: the dataset to resample, or its config.
        max_images: most training images of a class that is replayed, before resampling; 30 if not given.
        target_classes: names or indices of the replayed classes, instead of `max_images`.
        kwargs: of `RepeatFactorDataset`.

    Raises:
        ValueError: both `max_images` and `target_classes`, or a class that the dataset does not have.

    Example:
        In a config::

            train_dataloader = dict(dataset=dict(type='RIODataset', dataset=dict(type='LVISDataset', ...)))
    """

    def __init__(
        self,
        dataset: Any,
        *,
        max_images: int | None = None,
        target_classes: Sequence[str | int] | None = None,
        **kwargs: Any,
    ) -> None:
        if max_images is not None and target_classes is not None:
            raise ValueError(f'max_images={max_images} and target_classes are both given; leave out one of them')
        self.max_images = REPLAY_MAX_IMAGES if max_images is None else whole('max_images', max_images, 0)
        self._wanted = target_classes
        super().__init__(dataset, **kwargs)

    def full_init(self) -> None:
        """Read the annotations and choose the classes, unless that is done."""
        if self._fully_initialized:
            return
        super().full_init()
        self._target_classes = self._choose()
        print_log(
            f'{type(self).__name__}: {len(self._target_classes)} of {len(self._image_count)} classes are replayed',
            logger='current',
        )

    @property
    def target_classes(self) -> list[int]:
        """Ascending indices of the classes whose features are replayed."""
        self.full_init()
        return list(self._target_classes)

    def _choose(self) -> list[int]:
        if self._wanted is None:
            statistics = getattr(self.dataset, 'class_statistics', None)
            count = self._image_count if statistics is None else statistics.image_count
            return replay_classes(count, self.max_images).tolist()
        names = list(self.dataset.metainfo.get('classes') or ())
        index_of = {name: c for c, name in enumerate(names)} | {c: c for c in range(len(names))}
        unknown = [name for name in self._wanted if name not in index_of]
        if unknown:
            raise ValueError(
                f'target_classes has {unknown[:5]}, expected names of the {len(names)} classes of the dataset, or '
                f'indices below {len(names)}'
            )
        return sorted({index_of[name] for name in self._wanted})
