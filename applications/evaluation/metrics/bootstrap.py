"""How far a number would move with other pairs: intervals by resampling the pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import OptionError
from ....descriptors.settings import check_float, check_int
from .arrays import checked, labels
from .averages import Average, average_pairs

_ELEMENTS = 1 << 22
"""Weights that are held at once: the memory does not grow with the number of resamples."""


@dataclass(frozen=True)
class Interval:
    """The `value` with the pairs as they are, and `low` and `high`, which others would keep to.

    The bounds are NaN where no pair counts, or one has an infinite value.
    """

    value: float
    low: float
    high: float


def bootstrap_interval(
    right: npt.ArrayLike,
    points: npt.ArrayLike,
    average: Average,
    *,
    category: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The average over the pairs and its confidence interval, by the percentile bootstrap.

    As many pairs as there are, of those that count, are drawn with replacement, and averaged just
    as the pairs themselves; with `category` within each class, whose sizes are part of the
    benchmark. Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3.

    Args:
        right: (pair,), the number of points that are right: a row of `count_correct`. For any other
            quantity of a pair its value, with points of 1 and the average `per-image`.
        points: (pair,), the number of points that count.
        average: As in `average_pairs`.
        category: (pair,), the class of each pair.
        level: The share of resamples between the bounds, above 0 and below 1.
        resamples: How many times the pairs are drawn, at least 1.
        seed: Of the draws: the same seed gives the same interval.

    Raises `OptionError`: as in `average_pairs`; a value is out of range.
    """
    rows = checked("right", right, ("pair",))[None]
    return _interval(rows, points, average, category, level, resamples, seed)


def bootstrap_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    points: npt.ArrayLike,
    average: Average,
    *,
    category: npt.ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """How much the first run is above the second on the same pairs, with its interval.

    As `bootstrap_interval`, with what is right in each run. Each draw takes the same pairs of both,
    so that what makes a pair hard for both does not widen the interval. One without 0 says that
    the runs differ.
    """
    one = checked("first", first, ("pair",))
    rows = np.stack([one, checked("second", second, one.shape)])
    return _interval(rows, points, average, category, level, resamples, seed)


def _interval(
    right: npt.NDArray[np.float64],
    points: npt.ArrayLike,
    average: Average,
    category: npt.ArrayLike | None,
    level: float,
    resamples: int,
    seed: int,
) -> Interval:
    """The interval of the one row, or of the first row minus the second."""
    if check_float("level", level, minimum=0, maximum=1, open_minimum=True) == 1:
        raise OptionError("level must be below 1", hint="as in level=0.95")
    check_int("resamples", resamples, minimum=1)
    check_int("seed", seed, minimum=0)
    number = checked("points", points, (right.shape[1],))
    counts = number > 0
    classes = None if category is None else labels("category", category, len(number))[counts]
    right, number = right[:, counts], number[counts]
    if not len(number):
        return Interval(np.nan, np.nan, np.nan)

    def averaged(weights: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float64]:
        values = average_pairs(right, number, average, category=classes, weights=weights)
        # Between two infinite values there is no difference: NaN.
        with np.errstate(invalid="ignore"):
            return np.asarray(values[0] - values[1] if len(values) == 2 else values[0])

    if not np.isfinite(right).all():
        return Interval(float(averaged()), np.nan, np.nan)
    draws = np.concatenate(list(map(averaged, _draws(len(number), classes, resamples, seed))))
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(averaged()), float(low), float(high))


def _draws(
    pairs: int, classes: npt.NDArray[np.str_] | None, resamples: int, seed: int
) -> Iterator[npt.NDArray[np.int64]]:
    """How often each pair is drawn (resample, pair), some resamples at a time."""
    random = np.random.default_rng(seed)
    members = [np.arange(pairs)]
    if classes is not None:
        members = [np.flatnonzero(classes == name) for name in np.unique(classes)]
    at_once = max(1, _ELEMENTS // pairs)
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        weights = np.empty((count, pairs), dtype=np.int64)
        for own in members:
            places = random.integers(0, len(own), (count, len(own)))
            # One histogram for all resamples: each has a range of bins of its own.
            places += np.arange(count)[:, None] * len(own)
            times = np.bincount(places.ravel(), minlength=count * len(own))
            weights[:, own] = times.reshape(count, len(own))
        yield weights
