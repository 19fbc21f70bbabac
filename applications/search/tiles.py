"""Tiles: the mean direction of the cells of each small square of a map, by which images are found.

Only which images are looked at depends on tiles: a score and a place are always those of cells.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import avg_pool2d

SIDE = 4  # cells across a tile
_LARGEST = 127


def tile_counts(shapes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many tiles maps of these rows and columns (image, 2) have."""
    return np.asarray((-(-shapes // SIDE)).prod(axis=1))


def tiles_of(cells: torch.Tensor) -> torch.Tensor:
    """The tiles int8 (tile, channel), row by row, of cells float32 (rows, columns, channel).

    Those at the right and at the bottom may be of fewer cells. Each is scaled so that its largest
    number is the largest of 8 bits.
    """
    image = cells[None].permute(0, 3, 1, 2)
    means = avg_pool2d(image, SIDE, ceil_mode=True, count_include_pad=False)
    tiles = means.permute(0, 2, 3, 1).reshape(-1, cells.shape[2]).contiguous()
    tiles *= _LARGEST / tiles.abs().amax(dim=1, keepdim=True).clamp(min=1e-9)
    return tiles.round_().to(torch.int8)
