"""The audit of a data set: its counts, what is wrong with them, and the thresholds that fit them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail_det.statistics import (
    FREQUENCY_GROUPS,
    MAX_GROWTH,
    RESAMPLING_MODES,
    Epoch,
    Resampling,
    Suggestion,
    gini,
    shortest_decimal,
    suggest_instance_thr,
    suggest_lambda,
    suggest_oversample_thr,
    tail_ratio,
    unique_pairs,
)

from .findings import Finding, ValCounts, find_problems, match_classes
from .names import SimilarNames, find_similar_names
from .split import Split

#: the thresholds that are compared; above 1e-2 those up to the suggested one
THRESHOLDS = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1, 2e-1, 5e-1, 1.0)
_ALWAYS_SHOWN = 1e-2
#: most images of a class of the tails that are compared
TAILS = (10, 20, 50, 100, 200, 500)


@dataclass(frozen=True)
class ResamplingRow:
    """What a threshold comes to, expected over epochs.

    Args:
        mode: 'image' for RFS, 'instance' for IRFS.
        oversample_thr: the threshold; 0 for no resampling.
        num_repeated: classes that it repeats.
        epoch: what an epoch shows.
        gini: of the instances of an epoch, over the classes that have any.
        rare_images: median number of images of an epoch that show a rare class, over those with an image; NaN where
            there is none.
    """

    mode: str
    oversample_thr: float
    num_repeated: int
    epoch: Epoch
    gini: float
    rare_images: float


@dataclass(frozen=True)
class TailRow:
    """What a `lambda_` takes.

    Args:
        lambda_: the threshold.
        groups: classes that it takes of each frequency group.
        ratio: share of the image labels that they hold.
    """

    lambda_: float
    groups: dict[str, int]
    ratio: float


@dataclass(frozen=True)
class RareImages:
    """The images that carry rare classes.

    Args:
        names: (n,) their file names, those of the most rare classes first.
        classes: (n,) the rare classes on each.
        frequent_instances: mean number of instances of frequent classes on one of them, repeated along with it.
    """

    names: list[str]
    classes: list[list[int]]
    frequent_instances: float


@dataclass(frozen=True)
class Audit:
    """The audit of a data set.

    Args:
        train: training set.
        val: validation set.
        val_counts: of the training classes in it.
        rare_images: training images that carry rare classes.
        similar: class names that may mean the same.
        findings: what is wrong.
        resampling: rows by mode, in ascending order of the threshold.
        tails: in ascending order of `lambda_`.
        rfs: `oversample_thr` that fits.
        irfs: likewise for `mode='instance'`.
        tail: `lambda_` that fits.
        class_factors: (C,) float64 repeat factors of the classes by `rfs`; ones where it is None.
    """

    train: Split
    val: Split | None
    val_counts: ValCounts | None
    rare_images: RareImages
    similar: list[SimilarNames]
    findings: list[Finding]
    resampling: list[ResamplingRow]
    tails: list[TailRow]
    rfs: Suggestion
    irfs: Suggestion
    tail: Suggestion
    class_factors: NDArray[np.float64]

    @property
    def imbalance(self) -> float:
        """How many times the images of the rarest class the most frequent one has, of the classes with an image."""
        counts = self.train.statistics.image_count
        return float(counts.max() / counts[counts > 0].min())


def make_audit(train: Split, val: Split | None = None, max_growth: float = MAX_GROWTH) -> Audit:
    """Audit a data set.

    Args:
        train: training set.
        val: validation set.
        max_growth: by which share of its images the suggested resampling may lengthen an epoch.
    """
    statistics = train.statistics
    resampling = Resampling(train.instances.labels, train.instances.offsets, statistics)
    counts = match_classes(train, val) if val is not None else None
    similar = find_similar_names(train.names)
    rfs = suggest_oversample_thr(resampling, max_growth)
    irfs = suggest_instance_thr(resampling, rfs.value)
    tail = suggest_lambda(statistics)
    return Audit(
        train=train,
        val=val,
        val_counts=counts,
        rare_images=_rare_images(train),
        similar=similar,
        findings=find_problems(train, val, counts, similar),
        resampling=[
            row
            for mode, suggestion in zip(RESAMPLING_MODES, (rfs, irfs), strict=True)
            for row in _resampling_rows(resampling, mode, suggestion.value)
        ],
        tails=_tail_rows(train, tail.value),
        rfs=rfs,
        irfs=irfs,
        tail=tail,
        class_factors=resampling.class_factors(rfs.value or 0.0),
    )


def _resampling_rows(resampling: Resampling, mode: str, suggested: float | None) -> list[ResamplingRow]:
    last = max(_ALWAYS_SHOWN, suggested or 0.0)
    shown = sorted({0.0, suggested or 0.0, *(value for value in THRESHOLDS if value <= last)})
    return [_resampling_row(resampling, mode, value) for value in shown]


def _resampling_row(resampling: Resampling, mode: str, oversample_thr: float) -> ResamplingRow:
    statistics = resampling.statistics
    epoch = resampling.epoch(resampling.image_factors(oversample_thr, mode))
    seen = statistics.image_count > 0
    rare = epoch.images[(statistics.frequency == 'r') & seen]
    return ResamplingRow(
        mode=mode,
        oversample_thr=oversample_thr,
        num_repeated=int((resampling.class_factors(oversample_thr, mode) > 1).sum()),
        epoch=epoch,
        gini=gini(epoch.instances[seen]),
        rare_images=float(np.median(rare)) if len(rare) else float('nan'),
    )


def _tail_rows(train: Split, suggested: float | None) -> list[TailRow]:
    statistics = train.statistics
    n = statistics.num_images
    values = {shortest_decimal(most / n, (most + 1) / n) for most in TAILS if most < n}
    values |= {suggested} if suggested else set()
    rows = []
    for value in sorted(values):
        groups = statistics.frequency[statistics.image_frequency < value]
        taken = {group: int((groups == group).sum()) for group in FREQUENCY_GROUPS}
        rows.append(TailRow(value, taken, tail_ratio(statistics, value)))
    return rows


def _rare_images(train: Split) -> RareImages:
    index, frequency = train.instances, train.statistics.frequency
    images: NDArray[np.intp] = np.repeat(np.arange(len(index)), np.diff(index.offsets))
    is_rare = frequency[index.labels] == 'r'
    pair_images, pair_labels = unique_pairs(images[is_rare], index.labels[is_rare])
    rare, starts, sizes = np.unique(pair_images, return_index=True, return_counts=True)
    order = np.argsort(-sizes, kind='stable')
    frequent = np.bincount(images[frequency[index.labels] == 'f'], minlength=len(index))[rare]
    return RareImages(
        names=train.image_names(rare[order]),
        classes=[pair_labels[starts[i] : starts[i] + sizes[i]].tolist() for i in order],
        frequent_instances=float(frequent.mean()) if len(rare) else 0.0,
    )
