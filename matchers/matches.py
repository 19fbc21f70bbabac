"""Lists of matches out of correspondences."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..descriptors.errors import OptionError
from ..descriptors.settings import check_int

_RESULT = ("target_x", "target_y", "score", "matched")
_LABELS = {
    f"{image}_{axis}": {"units": "pixel", "long_name": f"{axis} of the match in the {image} image"}
    for image in ("source", "target")
    for axis in "xy"
}
_SHRINK = 0.5**0.5


def to_matches(correspondences: xr.Dataset) -> xr.Dataset:
    """The matched places along `match`, the best score first.

    Args:
        correspondences: As a matcher gives them, over (y, x) or (point).

    Returns:
        xarray.Dataset: `source_x`, `source_y`, `target_x`, `target_y` (float64, pixels of the
            upright images) and `score` (float32) along `match`, what else the correspondences hold
            of each place or of all, and their attributes. Equal scores keep the order of the
            places.

    Raises:
        OptionError: It is not the result of a matcher.
    """
    places = list_places(correspondences)
    order = np.flatnonzero(places["matched"].values)
    order = order[np.argsort(-places["score"].values[order], kind="stable")]
    return places.drop_vars("matched").isel(match=order)


def list_places(correspondences: xr.Dataset) -> xr.Dataset:
    """All places along `match` in their order, as `to_matches` lists the matched ones.

    What is not of each place is there as it is. Raises `OptionError` as `to_matches` does.
    """
    missing = [name for name in _RESULT if name not in correspondences.variables]
    if missing:
        raise OptionError(
            f"correspondences lack {', '.join(missing)}", hint="give the result of a matcher"
        )
    dims = correspondences["matched"].dims
    if "point" in dims:
        source = correspondences[["source_x", "source_y"]].reset_coords()
    else:
        y, x = xr.broadcast(correspondences["y"], correspondences["x"])
        source = xr.Dataset({"source_x": x, "source_y": y}).transpose(*dims)
    columns = {**source.data_vars, **correspondences.data_vars}
    return xr.Dataset(
        {
            name: ("match", one.values.ravel(), _LABELS.get(str(name), one.attrs))
            if one.dims == dims
            else one.variable
            for name, one in columns.items()
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
