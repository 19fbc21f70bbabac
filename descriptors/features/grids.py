"""Bilinear reading of grids of features, by the coordinates of their cells."""

from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

T = TypeVar("T", bound=np.generic)

_SQUARES = 32, 1 << 18
"""Channels whose squares are held in float64 at once, at least, and numbers as a rule."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the cells of a grid are: the centres of its rows and columns, in image pixels."""

    y: npt.NDArray[np.float64]
    x: npt.NDArray[np.float64]

    @classmethod
    def of(cls, labelled: xr.Dataset | xr.DataArray) -> Self:
        """The grid that a labelled array or a layer of a feature tree lies on."""
        y, x = (np.asarray(labelled[axis].values, dtype=np.float64) for axis in ("y", "x"))
        return cls(y, x)

    def equals(self, other: "Grid") -> bool:
        """Whether the cells lie at the same places."""
        return np.array_equal(self.y, other.y) and np.array_equal(self.x, other.x)


def as_tensor(values: npt.NDArray[Any]) -> torch.Tensor:
    """The array as a tensor to read from; it shares memory where torch can."""
    return torch.from_numpy(values if values.flags.writeable else values.copy())


def double(values: torch.Tensor) -> torch.Tensor:
    """The values in float64, on the processor where their device has no such type."""
    return values.cpu().double() if values.device.type == "mps" else values.double()


def bracket(
    centres: npt.NDArray[np.float64], positions: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """For each position the cells around it and the share of the upper one, on one axis.

    Beyond the outermost centres the nearest cell counts alone. `centres` ascend.
    """
    # Minima and maxima instead of np.clip, which takes longer than all the rest for a few points.
    last = len(centres) - 1
    upper = np.minimum(np.maximum(np.searchsorted(centres, positions), 1), last)
    lower = np.maximum(upper - 1, 0)
    below = centres[lower]
    gap = centres[upper] - below
    share = (positions - below) / np.where(gap > 0, gap, 1.0)
    return lower, upper, np.minimum(np.maximum(share, 0.0), 1.0)


def nearest_cells(
    centres: npt.NDArray[np.float64], positions: npt.NDArray[np.float64]
) -> npt.NDArray[np.intp]:
    """For each position the cell that holds it: the one whose centre is nearest, on one axis."""
    lower, upper, share = bracket(centres, positions)
    return np.where(share < 0.5, lower, upper)


def nearest_pixels(positions: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.intp]:
    """The pixel that holds each position on a side of this length, beyond its ends the last one."""
    return np.clip(np.floor(positions + 0.5).astype(np.intp), 0, length - 1)


def at_cells(pixels: npt.NDArray[T], grid: Grid) -> npt.NDArray[T]:
    """Of values over the pixels of an image, those at the centres of the cells: (y, x)."""
    height, width = pixels.shape
    return pixels[np.ix_(nearest_pixels(grid.y, height), nearest_pixels(grid.x, width))]


def resample(features: torch.Tensor, grid: Grid, target: Grid) -> torch.Tensor:
    """Features (channel, rows, columns) on one grid, read bilinearly at the cells of another."""
    if not np.array_equal(grid.y, target.y):
        features = bilinear_weights(grid.y, target.y).to(features.device) @ features
    if not np.array_equal(grid.x, target.x):
        features = features @ bilinear_weights(grid.x, target.x).to(features.device).T
    return features


def bilinear_weights(
    centres: npt.NDArray[np.float64],
    positions: npt.NDArray[np.float64],
    dtype: npt.DTypeLike = np.float32,
) -> torch.Tensor:
    """The matrix (position, cell) of bilinear weights on one axis."""
    lower, upper, share = bracket(centres, positions)
    matrix = np.zeros((len(positions), len(centres)), dtype=dtype)
    rows = np.arange(len(positions))
    np.add.at(matrix, (rows, lower), 1.0 - share)
    np.add.at(matrix, (rows, upper), share)
    return torch.from_numpy(matrix)


def unit_length(features: torch.Tensor) -> torch.Tensor:
    """Features (channel, ...) with every cell scaled to length 1.

    A cell without features (length 0: a blank image, a cell at the common mean) has no direction;
    it gets the one with equal channels, so that blank cells are like each other.
    """
    length = _length(features)
    blank = length == 0
    if bool(blank.any()):
        features = torch.where(blank, torch.ones_like(features), features)
        length = _length(features)
    return features / length


def _length(features: torch.Tensor) -> torch.Tensor:
    # Summed in float64: the squares of float32 features may leave the range of float32. A few
    # channels at a time, which is several times faster than a norm that converts as it goes.
    squares = double(torch.zeros_like(features[:1]))
    channels = max(_SQUARES[0], _SQUARES[1] // max(1, features[0].numel()))
    for some in torch.split(features, channels):
        squares += double(some).square_().sum(dim=0, keepdim=True)
    return squares.sqrt_().to(features)
