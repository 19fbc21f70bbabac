"""Grids of a chosen resolution, feature maps carried to them, and regions of grids and images."""

from collections.abc import Iterator
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.ndimage import distance_transform_edt

from ..descriptors.errors import OptionError
from ..descriptors.features.grids import Grid, as_tensor, resample, unit_length
from ..descriptors.features.tree import grid_coordinates
from ..descriptors.runtime.memory import check_fits
from ..descriptors.settings import check_int
from .feature_maps import image_size

_MOST = 1_000_000  # cells along a side
_COPIES, _PER_CELL, SEARCH = 4, 600, 1 << 27
"""What matching takes: so many copies of a map, some two of each; in bytes what else a cell of
each takes, and what a search holds whatever their number."""

PLACES = 1 << 20  # how many places of a grid are worked on at once, about

Region: TypeAlias = npt.NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)

Resolution: TypeAlias = int | tuple[int, int]
"""Cells along the longer side of an image, or (rows, columns)."""


def check_resolution(name: str, resolution: Resolution) -> Resolution:
    """The resolution; raises `OptionError`, with its name, for what is none."""
    if not isinstance(resolution, (tuple, list)):
        return check_int(name, resolution, minimum=1, maximum=_MOST)
    if len(resolution) != 2:
        raise OptionError(f"{name} must be a number or (rows, columns), not {resolution!r}")
    rows, columns = (check_int(name, count, minimum=1, maximum=_MOST) for count in resolution)
    return rows, columns


def even_grid(height: int, width: int, resolution: Resolution, name: str = "cells") -> Grid:
    """The centres of equal cells that tile an image of this height and width in pixels.

    With one number for the resolution the cells are as nearly square as whole numbers allow.
    `name` is how messages call the resolution. Raises `OptionError` for what is no resolution.
    """
    counts = check_resolution(name, resolution)
    if isinstance(counts, int):
        longer = max(height, width)
        rows, columns = (max(1, round(counts * side / longer)) for side in (height, width))
    else:
        rows, columns = counts
    y, x = (
        (np.arange(count, dtype=np.float64) + 0.5) * (side / count) - 0.5
        for count, side in ((rows, height), (columns, width))
    )
    return Grid(y, x)


def resample_map(fmap: xr.DataArray, resolution: Resolution) -> xr.DataArray:
    """The feature map on an even grid of this resolution, each cell of unit length.

    Read bilinearly by the coordinates of the cells; beyond the outermost centres the nearest cell
    counts alone. Raises `OutOfMemoryError` if matching two such maps takes more than is free.
    """
    wanted = even_grid(*image_size(fmap), resolution)
    check_matching(wanted, fmap.sizes["channel"])
    features = as_tensor(np.ascontiguousarray(fmap.values, dtype=np.float32))
    cells = unit_length(resample(features, Grid.of(fmap), wanted)).numpy()
    labels = {key: at for key, at in fmap.coords.items() if at.dims == ("channel",)}
    places = grid_coordinates(wanted.y, wanted.x)
    return xr.DataArray(cells, {**labels, **places}, ("channel", "y", "x"), fmap.name, fmap.attrs)


def check_matching(grid: Grid, channels: int) -> int:
    """How many bytes matching two maps on such a grid takes; an error if more than is free."""
    rows, columns = len(grid.y), len(grid.x)
    size = (4 * _COPIES * channels + _PER_CELL) * rows * columns + SEARCH
    check_fits(size, f"matching maps of {rows} x {columns} cells", "lower cells (--cells)")
    return size


def strips(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows, in order, each of about a million places and at least one row."""
    step = max(1, PLACES // columns)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def cell_size(grid: Grid, height: int, width: int) -> float:
    """The longer side of a cell in pixels, on an image of this height and width."""
    return max(
        float(at[-1] - at[0]) / (len(at) - 1) if len(at) > 1 else float(side)
        for at, side in ((grid.y, height), (grid.x, width))
    )


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
