"""Tiles: the mean direction of the cells of each small square of a map, by which images are found.

Only which images are looked at depends on tiles: a score and a place are always those of cells.
"""

import numpy as np
import numpy.typing as npt
import torch

SIDE = 4  # cells across a tile


def tile_counts(shapes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many tiles maps of these rows and columns (image, 2) have."""
    return np.asarray((-(-shapes // SIDE)).prod(axis=1))


def tiles_of(values: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The tiles (tile, channel) of packed cells (channel, rows, columns), those of a row together.

    Each is scaled so that its largest number is the largest of 8 bits.
    """
    cells = torch.from_numpy(values).float()
    means = torch.nn.functional.avg_pool2d(
        cells[None], SIDE, ceil_mode=True, count_include_pad=False
    )[0]
    means = means.flatten(1).T.contiguous()
    means *= 127 / means.abs().amax(dim=1, keepdim=True).clamp(min=1e-9)
    return means.round_().to(torch.int8).numpy()
