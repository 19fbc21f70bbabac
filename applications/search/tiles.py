"""Tiles: the mean direction of the cells of each small square of a map, by which images are found.

Only which images are looked at depends on tiles: a score and a place are always those of cells.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import torch

SIDE = 4  # cells across a tile
_LARGEST = 127


def tile_counts(shapes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many tiles maps of these rows and columns (image, 2) have."""
    return np.asarray((-(-shapes // SIDE)).prod(axis=1))


def tiles_of(cells: torch.Tensor) -> torch.Tensor:
    """The tiles int8 (tile, channel), row by row, of cells float32 (channel, rows, columns).

    Those at the right and at the bottom may be of fewer cells. Each is scaled so that its largest
    number is the largest of 8 bits.
    """
    rows, columns = (_means(side) for side in cells.shape[1:])
    means = (rows @ (cells @ columns.T)).flatten(1).T.contiguous()
    means *= _LARGEST / means.abs().amax(dim=1, keepdim=True).clamp(min=1e-9)
    return means.round_().to(torch.int8)


@cache
def _means(side: int) -> torch.Tensor:
    """The matrix (tile, cell) that takes the mean of neighbouring cells along one side."""
    tile = torch.arange(side) // SIDE
    matrix = torch.nn.functional.one_hot(tile).T.float()
    return matrix / matrix.sum(dim=1, keepdim=True)
