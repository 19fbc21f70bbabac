"""The averages by which the results of single pairs become one number."""

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import OptionError
from ....descriptors.settings import check_choice
from .arrays import checked, labels

Average = Literal["per-point", "per-image", "per-class", "keypoint-weighted", "pair-weighted"]
AVERAGES: tuple[Average, ...] = get_args(Average)
OF_CLASSES: tuple[Average, ...] = ("per-class", "keypoint-weighted", "pair-weighted")
"""The averages over classes, which need the category of each pair."""


def average_pairs(
    right: npt.ArrayLike,
    points: npt.ArrayLike,
    average: Average,
    *,
    category: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> npt.NDArray[np.float64]:
    """One number out of those of the pairs: float64, the leading dimensions of `right`.

    With r_i of p_i points of pair i right, and P_k = sum of r over sum of p for the pairs of
    class k:

    - `per-point`: sum of r / sum of p. All points pooled.
    - `per-image`: the mean over the pairs of r_i / p_i.
    - `per-class`: the mean over the classes of P_k.
    - `keypoint-weighted`: the mean of P_k weighted by the number of points of class k. It equals
      `per-point`; GeoAware-SC calls it "weighted per keypoint".
    - `pair-weighted`: the mean of P_k weighted by the number of pairs of class k; the "weighted
      PCK" of the code of A Tale of Two Features.

    Pairs without points (p_i = 0) don't count. Any other quantity that a pair has one of is
    averaged by `per-image` with its value as r and 1 as p. NaN where no pair counts.

    Args:
        right: (..., pair), the number of points that are right.
        points: (pair,), the number of points that count.
        average: One of the names above.
        category: (pair,), the class of each pair; the averages over classes need it.
        weights: (resample, pair), how often each pair is taken, in place of once. The result then
            has a last dimension `resample`. A class that is not taken at all doesn't count.

    Raises `OptionError`: the average is unknown, the category is missing, or arrays don't fit
    together.
    """
    check_choice("average", average, AVERAGES)
    number = checked("points", points, ("pair",))
    pairs = len(number)
    leading = np.shape(right)[:-1]
    correct = checked("right", right, (*leading, pairs)).reshape(-1, pairs)
    times = np.ones((1, pairs))
    if weights is not None:
        times = checked("weights", weights, ("resample", pairs))
        leading = (*leading, len(times))
    counted = number > 0
    correct, number, times = correct[:, counted], number[counted], times[:, counted]
    with np.errstate(invalid="ignore", divide="ignore"):
        if average == "per-point":
            value = (correct @ times.T) / (times @ number)
        elif average == "per-image":
            value = ((correct / number) @ times.T) / times.sum(axis=1)
        elif category is None:
            raise OptionError(
                f"the average {average} needs the category of each pair",
                hint="give category, or average per-point or per-image",
            )
        else:
            classes = labels("category", category, pairs)[counted]
            value = _over_classes(correct, number, times, classes, average)
    return np.asarray(value.reshape(leading))


def _over_classes(
    correct: npt.NDArray[Any],
    number: npt.NDArray[Any],
    times: npt.NDArray[Any],
    classes: npt.NDArray[np.str_],
    average: Average,
) -> npt.NDArray[Any]:
    """The average over classes for each row of `correct` and of `times`: (row, resample)."""
    total = np.zeros((len(correct), len(times)))
    weight = np.zeros(len(times))
    for name in np.unique(classes):
        own = classes == name
        drawn = times[:, own]
        points = drawn @ number[own]
        share = np.where(points > 0, (correct[:, own] @ drawn.T) / points, 0.0)
        of_class = {
            "per-class": (points > 0).astype(np.float64),
            "keypoint-weighted": points,
            "pair-weighted": drawn.sum(axis=1),
        }[average]
        total += share * of_class
        weight += of_class
    return total / weight
