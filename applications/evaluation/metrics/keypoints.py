"""The percentage of correct keypoints, in one of its variants."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import OptionError
from ....descriptors.settings import check_choice, check_float
from .arrays import checked
from .averages import Average, average_pairs

Comparison = Literal["<", "<="]
COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)


def count_correct(
    distance: npt.ArrayLike,
    length: npt.ArrayLike,
    alphas: Sequence[float],
    *,
    comparison: Comparison = "<",
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How many points of each pair are right, and how many count: (alpha, pair) and (pair,).

    A point is right if its distance is below alpha times the length: Yang and Ramanan,
    "Articulated Human Detection with Flexible Mixtures of Parts" (PAMI 2013), section 6.

    Args:
        distance: (pair, point), pixels, NaN where a point does not count, infinite where it has no
            prediction: what `point_distances` gives.
        length: (pair,), pixels, above 0 where a pair has points.
        alphas: The shares of the length, above 0.
        comparison: Whether a distance of exactly alpha times the length is right (`<=`) or not
            (`<`).

    Raises `OptionError`: arrays don't fit together, or a value is out of range.
    """
    off = checked("distance", distance, ("pair", "point"))
    long = checked("length", length, (len(off),))
    limits = np.array(check_alphas(alphas))[:, None, None] * long[:, None]
    number = (~np.isnan(off)).sum(axis=1)
    if (off < 0).any():
        raise OptionError("distance holds negative values", hint="it is in pixels, from 0 on")
    wrong = (number > 0) & ~(np.isfinite(long) & (long > 0))
    if wrong.any():
        pair = int(np.flatnonzero(wrong)[0])
        raise OptionError(
            f"length of pair {pair} is {long[pair]:g}",
            hint="it must be a finite number of pixels above 0 for a pair with points",
        )
    right = within(off, limits, comparison).sum(axis=2)
    return right.astype(np.int64), number.astype(np.int64)


def pck(
    distance: npt.ArrayLike,
    length: npt.ArrayLike,
    alphas: Sequence[float],
    *,
    average: Average,
    comparison: Comparison = "<",
    category: npt.ArrayLike | None = None,
) -> npt.NDArray[np.float64]:
    """The share of points that are right for each alpha, 0 to 1: float64 (alpha,).

    `distance`, `length`, `alphas` and `comparison` are as in `count_correct`, `average` and
    `category` as in `average_pairs`, and so are the errors. NaN where no point of any pair counts.
    """
    right, number = count_correct(distance, length, alphas, comparison=comparison)
    return average_pairs(right, number, average, category=category)


def within(
    distance: npt.NDArray[Any], limit: npt.NDArray[Any], comparison: Comparison
) -> npt.NDArray[np.bool_]:
    """Whether distances are within the limits, an edge as `comparison` says; NaN never is."""
    check_choice("comparison", comparison, COMPARISONS)
    return np.asarray(distance < limit if comparison == "<" else distance <= limit)


def check_alphas(alphas: Any) -> tuple[float, ...]:
    """The alphas as floats; `OptionError` unless there is one, all different and above 0."""
    if isinstance(alphas, (str, bytes)) or not hasattr(alphas, "__iter__"):
        raise OptionError(f"alphas must be a list of numbers, not {alphas!r}")
    shares = tuple(check_float("alpha", one, minimum=0, open_minimum=True) for one in alphas)
    if not shares or len(set(shares)) < len(shares):
        raise OptionError(
            f"alphas must be different numbers, at least one, not {list(shares)}",
            hint="as in alphas=(0.05, 0.1)",
        )
    return shares
