"""What a training set knows about its classes, in the form that losses, samplers and metrics ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .frequency import frequency_group, group_indices

_KEYS = ('image_count', 'instance_count', 'num_images', 'names', 'total_images', 'fractal_dim')


@dataclass(frozen=True, eq=False)
class ClassStatistics:
    """Per-class counts of a training set; index = class index of the model (docs/architecture.md).

    Args:
        image_count: (C,) int64, training images that hold the class.
        instance_count: (C,) int64, training instances of the class, never below `image_count`.
        num_images: training images that hold at least one annotation (99 388 for LVIS v1); the
            denominator of the image frequency f that EQL, DropLoss and RFS threshold.
        names: class names, or empty where nobody named them.
        total_images: images of the annotation file, those without annotation too (100 170 for LVIS v1), the N of IIF
            and FRACAL; None where they were not counted in a file.
        fractal_dim: (C,) float64, at least 1, spread of the class over the image (`fractal_dimension`); or None.

    Raises:
        ValueError: a count is no whole number or is negative, lengths differ, or an image count is larger than
            `instance_count` or `num_images`.

    Example:
        >>> stats = ClassStatistics([3, 50], [4, 90], num_images=60)
        >>> stats.frequency.tolist(), stats.image_frequency.round(3).tolist()
        (['r', 'c'], [0.05, 0.833])
    """

    image_count: NDArray[np.int64]
    instance_count: NDArray[np.int64]
    num_images: int
    names: tuple[str, ...] = ()
    total_images: int | None = None
    fractal_dim: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for key in ('image_count', 'instance_count'):
            object.__setattr__(self, key, _read_counts(key, getattr(self, key), ndim=1))
        object.__setattr__(self, 'names', tuple(self.names))
        object.__setattr__(self, 'num_images', int(_read_counts('num_images', self.num_images, ndim=0)))
        if self.total_images is not None:
            object.__setattr__(self, 'total_images', int(_read_counts('total_images', self.total_images, ndim=0)))
        if self.fractal_dim is not None:
            object.__setattr__(self, 'fractal_dim', np.asarray(self.fractal_dim, dtype=np.float64))
        self._check()

    def _check(self) -> None:
        image, instance = self.image_count, self.instance_count
        if len(image) != len(instance) or (self.names and len(self.names) != len(image)):
            raise ValueError(
                f'class statistics of different lengths: image_count {len(image)}, instance_count {len(instance)}, '
                f'names {len(self.names)}; give one entry per class to each'
            )
        if self.fractal_dim is not None and self.fractal_dim.shape != image.shape:
            raise ValueError(
                f'class statistics: fractal_dim has shape {self.fractal_dim.shape}; expected one number per class'
            )
        wrong = np.flatnonzero((image < 0) | (image > instance) | (image > self.num_images))
        if wrong.size:
            c = int(wrong[0])
            raise ValueError(
                f'class {c}: image_count {image[c]}, instance_count {instance[c]}, num_images {self.num_images}; '
                'expected 0 <= image_count <= instance_count and image_count <= num_images'
            )

    @property
    def num_classes(self) -> int:
        """Number of classes C."""
        return len(self.image_count)

    @property
    def image_frequency(self) -> NDArray[np.float64]:
        """Share of the annotated training images that hold each class, (C,) in [0, 1]."""
        return self.image_count / max(self.num_images, 1)

    @property
    def frequency(self) -> NDArray[np.str_]:
        """Frequency group of each class, (C,) 'r', 'c' or 'f'."""
        return frequency_group(self.image_count)

    @property
    def groups(self) -> dict[str, NDArray[np.int64]]:
        """Class indices of the rare, common and frequent group."""
        return group_indices(self.image_count)

    def of_classes(self, names: Sequence[str]) -> ClassStatistics:
        """Select classes by name, in the order given; without names of our own, all of them in their order.

        Args:
            names: class names.

        Raises:
            ValueError: a class that is not known, or another number of classes where none is named.
        """
        if not self.names and self.num_classes == len(names):
            return replace(self, names=tuple(names))
        index = {name: c for c, name in enumerate(self.names)}
        missing = [name for name in names if name not in index]
        if missing:
            found = f'know nothing of class {missing[0]!r}' if index else f'are of {self.num_classes} unnamed classes'
            raise ValueError(f'the class statistics {found}, but {len(names)} classes are asked for')
        rows = [index[name] for name in names]
        return replace(
            self,
            image_count=self.image_count[rows],
            instance_count=self.instance_count[rows],
            names=tuple(names),
            fractal_dim=None if self.fractal_dim is None else self.fractal_dim[rows],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and ints, ready for JSON; `from_dict` reads it back. What is None is left out."""
        data: dict[str, Any] = {
            'image_count': self.image_count.tolist(),
            'instance_count': self.instance_count.tolist(),
            'num_images': self.num_images,
            'names': list(self.names),
        }
        if self.total_images is not None:
            data['total_images'] = self.total_images
        if self.fractal_dim is not None:
            data['fractal_dim'] = self.fractal_dim.tolist()
        return data

    @classmethod
    def from_labels(
        cls, labels_per_image: Sequence[ArrayLike], num_classes: int, names: Sequence[str] = ()
    ) -> ClassStatistics:
        """Count the images and instances of each class of any dataset.

        Args:
            labels_per_image: the class of every object of each image, in [0, C).
            num_classes: C.
            names: of the classes, or none.

        Raises:
            ValueError: a label outside [0, C).

        Example:
            >>> stats = ClassStatistics.from_labels([[0, 0], [], [1, 0]], num_classes=3)
            >>> stats.image_count.tolist(), stats.instance_count.tolist(), stats.num_images, stats.total_images
            ([2, 1, 0], [3, 1, 0], 2, 3)
        """
        objects = [np.asarray(labels, dtype=np.int64).ravel() for labels in labels_per_image]
        nothing: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        instances = np.concatenate([nothing, *objects])
        images = np.concatenate([nothing, *map(np.unique, objects)])
        if len(instances) and not 0 <= instances.min() <= instances.max() < num_classes:
            raise ValueError(
                f'labels from {instances.min()} to {instances.max()}; expected labels in [0, {num_classes}), '
                'background left out'
            )
        return cls(
            image_count=np.bincount(images, minlength=num_classes),
            instance_count=np.bincount(instances, minlength=num_classes),
            num_images=sum(len(labels) > 0 for labels in objects),
            names=tuple(names),
            total_images=len(objects),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ClassStatistics:
        """Return the statistics in a mapping of `image_count`, `instance_count`, `num_images` and what else is known.

        Raises:
            ValueError: a key is missing or unknown.
        """
        missing = [key for key in _KEYS[:3] if key not in data]
        unknown = [key for key in data if key not in _KEYS]
        if missing or unknown:
            raise ValueError(f'class statistics: missing keys {missing}, unknown keys {unknown}; valid keys: {_KEYS}')
        return cls(**{key: data[key] for key in _KEYS if key in data})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClassStatistics) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def summary(self) -> str:
        """Return one line for a log: how many classes, images and instances, and the size of each group."""
        sizes = ' / '.join(str(len(v)) for v in self.groups.values())
        return (
            f'{self.num_classes} classes (r/c/f {sizes}), {self.num_images} annotated images, '
            f'{int(self.instance_count.sum())} instances'
        )


def _read_counts(key: str, values: ArrayLike, ndim: int) -> NDArray[np.int64]:
    counts = np.asarray(values)
    is_numeric = counts.size == 0 or counts.dtype.kind in 'iuf'
    if counts.ndim != ndim or not is_numeric or not (counts % 1 == 0).all():
        wanted = 'a list of whole numbers, one per class' if ndim else 'a whole number'
        raise ValueError(f'class statistics: {key} is {values!r:.80}; expected {wanted}')
    counts = counts.astype(np.int64)
    counts.flags.writeable = False
    return counts
