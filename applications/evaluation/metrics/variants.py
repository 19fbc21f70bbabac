"""PCK in every variant side by side, as one labelled table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ....descriptors.errors import OptionError
from .arrays import labels
from .averages import AVERAGES, OF_CLASSES, average_pairs
from .keypoints import COMPARISONS, check_alphas, count_correct

_DIMS = ("threshold", "average", "comparison", "alpha")


def pck_variants(
    distance: npt.ArrayLike,
    lengths: Mapping[str, npt.ArrayLike],
    alphas: Sequence[float],
    *,
    category: npt.ArrayLike | None = None,
    flags: Mapping[str, npt.ArrayLike] | None = None,
) -> xr.Dataset:
    """PCK for every threshold, average, comparison and alpha, 0 to 1, whole and in parts.

    Args:
        distance: (pair, point), pixels, as in `count_correct`.
        lengths: The length of each pair in pixels by the name of the threshold, as in `{"bbox":
            box_length(boxes), "image": image_length(sizes)}`.
        alphas: The shares of the lengths within which a point is right.
        category: (pair,), the class of each pair; without it there are no averages over classes.
        flags: (pair,) by name, how hard each pair is, as in `{"viewpoint": ["0", "2", ...]}`; a
            pair with an empty text has no such flag.

    Returns:
        xarray.Dataset: `pck` (threshold, average, comparison, alpha); `pck_by_category` (category,
            threshold, average, comparison, alpha), and for each flag `pck_by_<flag>` with the
            flag's values in place of the category. `pairs` and `points` are how many count,
            `skipped_pairs` how many have no point that counts; `pairs_by_...` and `points_by_...`
            along the parts. NaN where no pair counts.

    Raises `OptionError`: as in `count_correct`; there are no lengths; a flag is called like a
    dimension.
    """
    if not lengths:
        raise OptionError("lengths are missing", hint="give at least one threshold's lengths")
    shares = check_alphas(alphas)
    counts = [
        [count_correct(distance, length, shares, comparison=edge) for edge in COMPARISONS]
        for length in lengths.values()
    ]
    points = counts[0][0][1]
    # thresholds x comparisons x alphas x pairs
    right = np.array([[correct for correct, _ in row] for row in counts])
    classes = None if category is None else labels("category", category, len(points))
    coordinates: dict[str, Any] = {
        "threshold": list(lengths),
        "average": [one for one in AVERAGES if classes is not None or one not in OF_CLASSES],
        "comparison": list(COMPARISONS),
        "alpha": list(shares),
    }

    def table(part: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        own = None if classes is None else classes[part]
        columns = [
            average_pairs(right[..., part], points[part], average, category=own)
            for average in coordinates["average"]
        ]
        return np.stack(columns, axis=1)

    whole = table(np.ones(len(points), dtype=bool))
    variables: dict[str, Any] = {
        "pck": (_DIMS, whole, {"units": "1", "long_name": "share of points within alpha"}),
        "pairs": ((), int((points > 0).sum())),
        "points": ((), int(points.sum())),
        "skipped_pairs": ((), int((points == 0).sum())),
    }
    parts = {name: labels(name, values, len(points)) for name, values in (flags or {}).items()}
    for name in parts:
        if name in (*_DIMS, "category"):
            raise OptionError(f"a flag can't be called {name!r}", hint="give it another name")
    if classes is not None:
        parts = {"category": classes, **parts}
    for name, of_pair in parts.items():
        values = [value for value in np.unique(of_pair).tolist() if value]
        members = [of_pair == value for value in values]
        tables = np.array([table(part) for part in members]).reshape(len(values), *whole.shape)
        variables[f"pck_by_{name}"] = ((name, *_DIMS), tables, {"units": "1"})
        for what, number in (("pairs", points > 0), ("points", points)):
            sums = [int(number[part].sum()) for part in members]
            variables[f"{what}_by_{name}"] = (name, np.array(sums, dtype=np.int64))
        coordinates[name] = values
    return xr.Dataset(variables, coords=coordinates)
