"""Features at points of an image, read off its feature map."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ..settings import check_choice
from .grids import Grid, as_tensor, bracket, nearest_cells, unit_length
from .maps import Points, check_map, check_points

Interpolation = Literal["bilinear", "nearest"]


def sample_features(
    fmap: xr.DataArray, points: Points, *, interpolation: Interpolation = "bilinear"
) -> xr.DataArray:
    """The features at points of the image: float32 (channel, point), each of unit length.

    Args:
        fmap: A feature map (channel, y, x).
        points: Pairs (x, y) in pixels of the upright image, (0, 0) at the centre of the top-left
            pixel.
        interpolation: `bilinear` between the centres of the four cells around the point, and
            renormalised; `nearest` takes the cell that holds the point, as the papers' protocols
            do.

    Returns:
        xarray.DataArray: With the map's channel coordinates and attributes, and `x` and `y` along
            `point`.

    Raises:
        PointError: A point lies outside the image.
        InvalidFeaturesError, OptionError: The map is not one; the interpolation is unknown.
    """
    check_map(fmap)
    at = check_points(points, fmap)
    features = read_at(as_tensor(fmap.values), Grid.of(fmap), at, interpolation)
    channel_coordinates = {
        name: coordinate
        for name, coordinate in fmap.coords.items()
        if coordinate.dims == ("channel",)
    }
    return xr.DataArray(
        unit_length(features).numpy(),
        dims=("channel", "point"),
        coords={**channel_coordinates, "x": ("point", at[:, 0]), "y": ("point", at[:, 1])},
        attrs=fmap.attrs,
        name=fmap.name,
    )


def read_at(
    features: torch.Tensor, grid: Grid, at: npt.NDArray[np.float64], interpolation: Interpolation
) -> torch.Tensor:
    """The features (channel, point) of a grid (channel, rows, columns), not yet of unit length.

    What `sample_features` scales; `at` (point, 2) are points that are known to be in the image.
    Raises `OptionError` for an unknown interpolation.
    """
    check_choice("interpolation", interpolation, get_args(Interpolation))

    def cells(rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> torch.Tensor:
        places = torch.from_numpy((rows * len(grid.x) + columns).ravel()).to(features.device)
        return features.flatten(1).index_select(1, places)

    if interpolation == "nearest":
        return cells(nearest_cells(grid.y, at[:, 1]), nearest_cells(grid.x, at[:, 0]))
    top, bottom, down = bracket(grid.y, at[:, 1])
    left, right, across = bracket(grid.x, at[:, 0])
    lower, further = (
        torch.from_numpy(share.astype(np.float32)).to(features.device) for share in (down, across)
    )
    # All four corners in one walk through the channels.
    corners = cells(np.array([[top, bottom]] * 2), np.array([[left] * 2, [right] * 2]))
    west, east = corners.view(len(features), 2, 2, len(at)).unbind(1)
    above, below = torch.lerp(west, east, further).unbind(1)
    return torch.lerp(above, below, lower)
