"""Which of the matches are kept: the sure ones, and those that lie spread over the image."""

import numpy as np
import xarray as xr

from ...descriptors.settings import check_float, check_int
from ...matchers import spread_matches, to_matches


def select_matches(
    correspondences: xr.Dataset, *, min_score: float | None = None, max_matches: int | None = None
) -> xr.Dataset:
    """The correspondences with only some of the matches matched; the others lose their targets.

    Args:
        correspondences: What a matcher gives, over (y, x) or (point).
        min_score: The least score of a match, a cosine from -1 to 1.
        max_matches: How many matches are kept of those over (y, x): the best that lie spread over
            the image, as `best_spread` takes them.

    Raises:
        OptionError: A limit is out of range.
    """
    matched = correspondences["matched"].copy()
    if min_score is not None:
        matched &= correspondences["score"] >= check_float(
            "min_score", min_score, minimum=-1, maximum=1
        )
    if max_matches is not None:
        check_int("max_matches", max_matches, minimum=1)
        best = best_spread(to_matches(correspondences.assign(matched=matched)), max_matches)
        # A match begins at the centre of its cell, so that the coordinates are found exactly.
        rows = np.searchsorted(correspondences["y"].values, best["source_y"].values)
        columns = np.searchsorted(correspondences["x"].values, best["source_x"].values)
        chosen = np.zeros(matched.shape, dtype=bool)
        chosen[rows, columns] = True
        matched = matched.copy(data=chosen)
    x, y = (correspondences[name].where(matched) for name in ("target_x", "target_y"))
    return correspondences.assign(matched=matched, target_x=x, target_y=y)


def best_spread(matches: xr.Dataset, count: int) -> xr.Dataset:
    """The best `count` matches that lie spread over the image, the best first.

    They are taken from the better half: a place that nothing matches well, like the edge of an
    image, is left empty rather than shown with a match that is most likely wrong.

    Args:
        matches: As `to_matches` gives them, best first.
        count: How many; all where there are fewer.
    """
    better = max(count, (matches.sizes["match"] + 1) // 2)
    return spread_matches(matches.isel(match=slice(better)), count)
