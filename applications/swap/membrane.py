"""The smoothest continuation of values at the border of a mask into its inside."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, distance_transform_edt
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu

from ..resolution import spread

Values = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]

_DIRECT = 30_000
"""Up to how many pixels all equations are solved; beyond, only those of a band at the border."""
_BAND = 24
"""Width of the band in pixels; further in, a solution at half the resolution is good enough."""
_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def membrane(values: Values, mask: Mask, *, reach: float | None = None) -> npt.NDArray[np.float64]:
    """Values that are harmonic inside the mask and as before around it: float64 (y, x, channel).

    Each pixel of the mask is the mean of its neighbours; those next to the mask are read from
    `values` (y, x, channel). The edge of the image is free: values continue evenly up to it. A part
    of the mask that has no other border is 0. With a `reach` in pixels the values fade away from
    the border, to 1/e over that distance (the screened Poisson equation).
    """
    screen = 0.0 if reach is None else max(reach, 0.5) ** -2
    result = np.where(mask[:, :, None], 0.0, values)
    if not mask.any() or mask.all():
        return result
    band = mask
    if mask.sum() > _DIRECT:
        # What is fine in the border's values dies out within a few pixels.
        band = mask & (distance_transform_edt(mask) <= _BAND)
        coarser = _from_coarser(result, mask, None if reach is None else reach / 2)
        result = np.where(mask[:, :, None], coarser, result)
    matrix, sums = _equations(result, band, screen)
    result[band] = splu(csc_array(matrix)).solve(sums)
    return result


def _equations(values: Values, mask: Mask, screen: float) -> tuple[Any, npt.NDArray[np.float64]]:
    """Laplace's equation in the mask: the matrix, and what the border contributes."""
    number = np.full(mask.shape, -1)
    count = int(mask.sum())
    number[mask] = np.arange(count)
    own = np.pad(number, 1, constant_values=-2)
    around = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    degree = np.zeros(count)
    sums = np.zeros((count, values.shape[2]))
    rows, columns = [], []
    y, x = mask.nonzero()
    for down, right in _NEIGHBOURS:
        place = y + 1 + down, x + 1 + right
        neighbour = own[place]
        border = neighbour == -1
        degree += neighbour != -2
        sums[border] += around[place][border]
        rows.append(np.flatnonzero(neighbour >= 0))
        columns.append(neighbour[neighbour >= 0])
    row, column = np.concatenate(rows), np.concatenate(columns)
    links = csr_array((np.ones(len(row)), (row, column)), shape=(count, count))
    # Without a border nothing holds a part: a trace of weight holds it at 0.
    return diags_array(degree + max(screen, 1e-9)) - links, sums


def _from_coarser(values: Values, mask: Mask, reach: float | None) -> npt.NDArray[np.float64]:
    """The membrane at half the resolution, read at every pixel."""
    height, width = mask.shape
    size = (width + 1) // 2, (height + 1) // 2
    border = binary_dilation(mask) & ~mask
    inside, share = (_halve(one.astype(np.float64), size) for one in (mask, border))
    coarse = inside > 0.5
    edge = _halve(np.where(border[:, :, None], values, 0.0), size) / np.maximum(share, 1e-9)
    # A pixel beside the coarse mask may hold nothing of the border: the nearest that does counts.
    edge = spread(edge, ((share > 0) & ~coarse)[:, :, 0])
    solved = membrane(edge, coarse[:, :, 0], reach=reach)
    finer = cv2.resize(solved, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(finer.reshape(height, width, -1))


def _halve(values: npt.NDArray[np.float64], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Means over two by two pixels: (y, x, channel)."""
    halved = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return np.asarray(halved.reshape(size[1], size[0], -1))
