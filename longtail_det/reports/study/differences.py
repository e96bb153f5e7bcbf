"""The paired differences of a study: each method minus a baseline, seed by seed on the same resamples of the images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np

from longtail_det.evaluation.diagnosis import ResampledAP
from longtail_det.statistics import Interval

from .records import Row
from .scores import KINDS, RunScores
from .spec import Run

#: name and seed of a run
Key = tuple[str, int]


class Difference(msgspec.Struct, frozen=True):
    """AP of a method minus that of a baseline, mean over the seeds that both have; AP in [0, 1].

    Args:
        name: of the method's entry.
        baseline: of the other entry.
        metric: 'box' or 'mask'.
        group: '', 'r', 'c' or 'f'.
        seeds: number of them.
        difference: AP, positive where the method is better.
        low: lower end of its 95 % interval, bootstrap over the tested images and the seeds.
        high: upper end.
    """

    name: str
    baseline: str
    metric: str
    group: str
    seeds: int
    difference: float
    low: float
    high: float

    @property
    def interval(self) -> Interval:
        """The difference with its interval."""
        return Interval(self.difference, self.low, self.high)


def pairs(runs: Sequence[Run], study_baseline: str) -> list[tuple[str, str]]:
    """Return which entries are compared: each with the study's baseline, then with its own.

    Args:
        runs: of a study.
        study_baseline: name of an entry.
    """
    found = {
        (run.name, baseline): None
        for run in runs
        if not run.is_search
        for baseline in (study_baseline, run.baseline)
        if baseline not in ('', run.name)
    }
    return list(found)


def compare(name: str, baseline: str, scores: Mapping[Key, RunScores]) -> Iterator[Difference]:
    """Yield the differences of two entries in every metric and group; none where they have no seed in common.

    Images and seeds are drawn again, the same ones for both entries. The interval of a single seed is that of this
    training on other images.

    Args:
        name: of an entry.
        baseline: of another one.
        scores: of the runs.
    """
    seeds = sorted({seed for one, seed in scores if one == name} & {seed for one, seed in scores if one == baseline})
    if not seeds:
        return
    for kind in KINDS:
        if any(kind not in scores[one, seed].resampled for one in (name, baseline) for seed in seeds):
            continue
        own, other = (
            ResampledAP.average([scores[one, seed].resampled[kind] for seed in seeds]) for one in (name, baseline)
        )
        for key, interval in own.difference(other).items():
            if np.isfinite(interval.low):
                yield Difference(name, baseline, kind, key.removeprefix('AP'), len(seeds), *interval)


def merge_differences(
    compared: Sequence[tuple[str, str]],
    rows: Sequence[Row],
    scores: Mapping[Key, RunScores],
    committed: Sequence[Difference],
) -> list[Difference]:
    """Return the differences of all pairs: computed where the scores of every row are at hand, else as committed.

    Args:
        compared: from `pairs`.
        rows: of the study.
        scores: of the runs whose folders are here.
        committed: from the CSV.
    """
    kept: dict[tuple[str, str], list[Difference]] = {}
    for one in committed:
        kept.setdefault((one.name, one.baseline), []).append(one)
    merged = []
    for pair in compared:
        needed = [(row.name, row.seed) for row in rows if row.name in pair]
        here = all(key in scores for key in needed)
        merged += list(compare(*pair, scores)) if here else kept.get(pair, [])
    return merged
