"""Lists of matches out of correspondences."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..descriptors.errors import OptionError
from ..descriptors.settings import check_int

_COLUMNS = ("source_x", "source_y", "target_x", "target_y", "score")
_SHRINK = 0.5**0.5


def to_matches(correspondences: xr.Dataset) -> xr.Dataset:
    """The matched places along `match`, the best score first.

    Args:
        correspondences: As a matcher gives them, over (y, x) or (point).

    Returns:
        xarray.Dataset: `source_x`, `source_y`, `target_x`, `target_y` (float64, pixels of the
            upright images) and `score` (float32) along `match`, with the attributes of the
            correspondences. Equal scores keep the order of the places.

    Raises:
        OptionError: It is not the result of a matcher.
    """
    variables = (*_COLUMNS[2:], "matched")
    missing = [name for name in variables if name not in correspondences.variables]
    if missing:
        raise OptionError(
            f"correspondences lack {', '.join(missing)}", hint="give the result of a matcher"
        )
    if "point" in correspondences.dims:
        places = correspondences[["source_x", "source_y"]].reset_coords()
    else:
        y, x = xr.broadcast(correspondences["y"], correspondences["x"])
        places = xr.Dataset({"source_x": x, "source_y": y})
    columns = {name: (correspondences if name in variables else places)[name] for name in _COLUMNS}
    order = np.flatnonzero(correspondences["matched"].values)
    order = order[np.argsort(-columns["score"].values.ravel()[order], kind="stable")]
    return xr.Dataset(
        {
            name: ("match", column.values.ravel()[order], _label(name))
            for name, column in columns.items()
        },
        attrs=correspondences.attrs,
    )


def spread_matches(matches: xr.Dataset, count: int) -> xr.Dataset:
    """The best `count` of the matches that are spread over the source image, the best first.

    Matches are taken by score, each at least some distance in the source image from those taken
    before. The distance is what `count` matches spread evenly would have, and shrinks until there
    are `count`.

    Args:
        matches: As `to_matches` gives them.
        count: How many, at least 0; all of them where there are fewer.
    """
    check_int("count", count, minimum=0)
    total = matches.sizes["match"]
    if count >= total:
        return matches
    at = np.stack([matches["source_x"].values, matches["source_y"].values])
    return matches.isel(match=_spread(at, count))


def _spread(at: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.intp]:
    """The first `count` places of `at` (2, n), greedily, with a distance that shrinks."""
    taken: list[int] = []
    gap = np.full(at.shape[1], np.inf)  # squared distance to the nearest place taken so far
    side = np.ptp(at, axis=1)
    distance = np.sqrt(max(side[0] * side[1], side.max() ** 2 / max(count, 1)) / max(count, 1))
    while len(taken) < count:
        first = 0
        while len(taken) < count and len(ahead := np.flatnonzero(gap[first:] >= distance**2)):
            first += int(ahead[0])
            taken.append(first)
            apart = at - at[:, first : first + 1]
            np.minimum(gap, (apart * apart).sum(axis=0), out=gap)
            gap[first] = -1.0
        # Places in one spot are told apart by nothing but their score.
        distance = 0.0 if distance**2 < np.finfo(np.float64).tiny else distance * _SHRINK
        distance = min(distance, float(np.sqrt(max(gap.max(), 0.0))))
    return np.sort(np.array(taken, dtype=np.intp))


def _label(name: str) -> dict[str, str]:
    if name == "score":
        return {"units": "1", "long_name": "cosine similarity"}
    image, axis = name.split("_")
    return {"units": "pixel", "long_name": f"{axis} of the match in the {image} image"}
