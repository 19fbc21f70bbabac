"""Regions of an image or of a grid: where they lie, and what of them is nearest to a place."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

T = TypeVar("T", bound=np.generic)
Region = npt.NDArray[np.bool_]


def nearest_inside(region: Region) -> npt.NDArray[Any]:
    """Row and column (2, y, x) of the place in the region that is nearest to each place."""
    return np.asarray(distance_transform_edt(~region, return_distances=False, return_indices=True))


def spread(values: npt.NDArray[T], region: Region) -> npt.NDArray[T]:
    """Values (y, x, ...), those outside the region replaced by the nearest one inside, if any."""
    return values[tuple(nearest_inside(region))] if region.any() else values


def window(region: Region, margin: int = 0) -> tuple[slice, slice]:
    """The rows and columns of the region and of a margin around it, which may leave the image."""
    sides = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    rows, columns = (
        slice(max(0, int(side[0]) - margin), int(side[-1]) + 1 + margin)
        if len(side)
        else slice(0, 0)
        for side in sides
    )
    return rows, columns
