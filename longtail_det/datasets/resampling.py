"""Image-level resampling: a wrapper that shows images of infrequent classes more often."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmdet.registry import DATASETS
from mmengine.logging import print_log
from numpy.typing import NDArray

from longtail_det.sampling import ImageLabels
from longtail_det.statistics import (
    ClassStatistics,
    class_repeat_factors,
    draw_repeats,
    frequency_group,
    image_repeat_factors,
    resampled_count,
)

from .image_labels import read_image_labels

_ROUNDINGS = ('ceil', 'stochastic')


@DATASETS.register_module()
class RepeatFactorDataset:
    """Show each image as often as its rarest class asks for: RFS, or IRFS.

    With `mode='image'` and `rounding='ceil'` it is mmengine's ClassBalancedDataset, with the same indices, but reads
    the labels once, and no annotation where the dataset offers `labels_per_image` (those leave out crowd regions,
    which ClassBalancedDataset counts; LVIS has none). It goes around any mmdet dataset.

    With `rounding='ceil'` an image of factor 1.3 is shown twice; with `rounding='stochastic'` twice with probability
    0.3, and otherwise once. Then `RepeatFactorSampler` (or `InfiniteRepeatFactorSampler`) rounds anew each epoch, as
    detectron2 does; under any other sampler the factors are rounded once, when the dataset is built, in the same
    way on every rank.

    The statistics of the classes that losses ask for stay those of the data before resampling.

    Args:
        dataset: the dataset to resample, or its config.
        oversample_thr: t in [0, 1]; classes on a smaller share of the images are repeated (1e-3 for LVIS).
        mode: 'image' for RFS (Gupta et al., CVPR 2019), 'instance' for IRFS (Yaman et al., 2023).
        rounding: 'ceil' or 'stochastic'.
        log_table: whether to log a line for every class.
        lazy_init: read the annotations at the first use instead of now.

    Raises:
        ValueError: an option has an unknown value.
        TypeError: `dataset` is no dataset, or one without the classes of its images.

    Example:
        In a config::

            train_dataloader = dict(
                sampler=dict(type='RepeatFactorSampler'),
                dataset=dict(type='RepeatFactorDataset', rounding='stochastic', dataset=dict(type='LVISDataset', ...)),
            )
    """

    _factors: NDArray[np.float64]
    _indices: NDArray[np.int64]
    _image_count: NDArray[np.int64]

    def __init__(
        self,
        dataset: Any,
        oversample_thr: float = 1e-3,
        *,
        mode: str = 'image',
        rounding: str = 'ceil',
        log_table: bool = False,
        lazy_init: bool = False,
    ) -> None:
        if rounding not in _ROUNDINGS:
            raise ValueError(f"rounding is {rounding!r}, expected 'ceil' or 'stochastic'")
        # refuses wrong options before minutes are spent on reading annotations
        no_counts: list[int] | None = [] if mode == 'instance' else None
        class_repeat_factors([], 0, oversample_thr=oversample_thr, instance_count=no_counts, mode=mode)
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, Mapping) else dataset
        if not hasattr(self.dataset, 'full_init'):
            raise TypeError(f'dataset is a {type(dataset).__name__}, expected the config of a dataset or a dataset')
        self.oversample_thr = oversample_thr
        self.mode = mode
        self.rounding = rounding
        self.log_table = log_table
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """Read the annotations and find out how often to show each image, unless that is done."""
        if self._fully_initialized:
            return
        self.dataset.full_init()
        images = read_image_labels(self.dataset, count_instances=self.mode == 'instance')
        self._image_count = images.image_count
        class_factors = images.class_factors(self.oversample_thr, self.mode)
        self._factors = image_repeat_factors(images.labels, images.offsets, class_factors)
        self._indices = np.repeat(np.arange(len(self._factors)), self._round())
        self._fully_initialized = True
        self._log(images, class_factors)

    @property
    def repeat_factors(self) -> NDArray[np.float64]:
        """(I,) how often each image of the wrapped dataset is to be shown, before rounding."""
        self.full_init()
        return self._factors

    @property
    def repeat_indices(self) -> NDArray[np.int64]:
        """For each position of this dataset the image of the wrapped one, ascending."""
        self.full_init()
        return self._indices

    @property
    def first_positions(self) -> NDArray[np.int64]:
        """(I,) for each image of the wrapped dataset its first position in this one."""
        return np.searchsorted(self.repeat_indices, np.arange(len(self.repeat_factors)))

    @property
    def metainfo(self) -> dict[str, Any]:
        """Metainfo of the wrapped dataset."""
        return self.dataset.metainfo

    @property
    def class_statistics(self) -> ClassStatistics:
        """Counts of the wrapped dataset, before resampling, where it has them."""
        return self.dataset.class_statistics

    @property
    def labels_per_image(self) -> list[Sequence[int]]:
        """The classes of each position of this dataset, each once, where the wrapped one has them."""
        labels = self.dataset.labels_per_image
        return [labels[image] for image in self.repeat_indices]

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return the annotation of a position."""
        return self.dataset.get_data_info(self._image(idx))

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the labels of a position."""
        return self.dataset.get_cat_ids(self._image(idx))

    def __getitem__(self, idx: int) -> Any:
        return self.dataset[self._image(idx)]

    def __len__(self) -> int:
        return len(self.repeat_indices)

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Keep some images of the wrapped dataset, and resample those alone."""
        self.dataset.get_subset_(indices)
        self._restart()

    def get_subset(self, indices: Sequence[int] | int) -> RepeatFactorDataset:
        """Return a copy that holds some images of the wrapped dataset, and resamples those alone."""
        subset = copy.copy(self)
        subset.dataset = self.dataset.get_subset(indices)
        subset._restart()
        return subset

    def _restart(self) -> None:
        self._fully_initialized = False
        self.full_init()

    def _image(self, idx: int) -> int:
        return int(self.repeat_indices[idx])

    def _round(self) -> NDArray[np.int64]:
        if self.rounding == 'ceil':
            return np.ceil(self._factors).astype(np.int64)
        return draw_repeats(self._factors, np.random.default_rng(0))  # one seed, so that the ranks agree

    def _log(self, images: ImageLabels, class_factors: NDArray[np.float64]) -> None:
        repeats = np.ceil(self._factors) if self.rounding == 'ceil' else self._factors
        print_log(
            f'{type(self).__name__} (mode={self.mode!r}, oversample_thr={self.oversample_thr:.4g}, '
            f'rounding={self.rounding!r}): {int((class_factors > 1).sum())} of {images.num_classes} classes are '
            f'repeated, up to {class_factors.max(initial=1):.2f} times; an epoch has {repeats.sum():.0f} images '
            f'instead of {len(repeats)}',
            logger='current',
        )
        if self.log_table:
            shown = resampled_count(images.labels, images.offsets, repeats, images.num_classes)
            names = self.dataset.metainfo.get('classes') or range(images.num_classes)
            print_log(_table(names, self._image_count, class_factors, shown), logger='current')


def _table(
    names: Sequence[Any], image_count: NDArray[np.int64], factors: NDArray[np.float64], shown: NDArray[np.float64]
) -> str:
    """Lay out a line per class, fewest images first."""
    groups = frequency_group(image_count)
    lines = ['class                          group  images  factor  images per epoch']
    for c in np.argsort(image_count, kind='stable'):
        lines.append(f'{names[c]!s:<30} {groups[c]:^5}  {image_count[c]:>6}  {factors[c]:>6.2f}  {shown[c]:>16.1f}')
    return '\n'.join(lines)
