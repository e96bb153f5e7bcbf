"""The bootstrap: how far a number moves when the items it is computed from are drawn again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Interval(NamedTuple):
    """A number and the interval around it; NaN where nothing defines them.

    Args:
        point: the number, computed from all items.
        low: lower end.
        high: upper end.
    """

    point: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Return whether zero is inside, ends included; an undefined interval holds it."""
        return not (self.low > 0 or self.high < 0)


def bootstrap_weights(num_items: int, resamples: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw `num_items` items with replacement, several times (Efron, Annals of Statistics 7, 1979).

    Args:
        num_items: N.
        resamples: how many times.
        seed: the same seed gives the same draws, so that two runs over the same items can be paired.

    Returns:
        (resamples, N) uint8, how often each item was drawn; each row sums to N.

    Raises:
        ValueError: fewer than two resamples.

    Example:
        >>> bootstrap_weights(4, 2, seed=1).sum(axis=1).tolist()
        [4, 4]
    """
    if resamples < 2:
        raise ValueError(f'{resamples} resamples give no interval; expected 2 or more, usually 1000')
    generator = np.random.default_rng(seed)
    weights = np.empty((resamples, num_items), dtype=np.uint8)
    for row in weights:
        # a count above 255 would need an item drawn 255 times more often than expected
        row[:] = np.bincount(generator.integers(num_items, size=num_items), minlength=num_items)
    return weights


def centered_interval(point: float, values: NDArray[np.float64], level: float = 0.95) -> Interval:
    """Return the percentile interval of resampled values, shifted so that their mean is the point.

    The shift removes the bias of the resampling: a number that grows as items repeat, such as average precision, is
    larger on resamples than on the items themselves, and plain percentiles (Efron and Tibshirani, 1993, chapter 13)
    may not even hold the point. The interval is for the expected number over as many new items.

    Args:
        point: the number, computed from all items.
        values: (R,) the same from each resample; NaN where a resample does not define it, which is left out.
        level: share of the values inside, in (0, 1).

    Raises:
        ValueError: a level outside.

    Example:
        >>> centered_interval(3.0, np.arange(5.0), level=0.5)
        Interval(point=3.0, low=2.0, high=4.0)
    """
    if not 0 < level < 1:
        raise ValueError(f'level {level} is outside (0, 1); 0.95 is usual')
    defined = values[np.isfinite(values)]
    if not len(defined):
        return Interval(point, np.nan, np.nan)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]) - defined.mean()
    return Interval(point, float(point + low), float(point + high))
