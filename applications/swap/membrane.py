"""The smoothest continuation of values at the border of a mask into its inside."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import LinearOperator, cg, splu

Values = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]

_DIRECT = 30_000
"""Up to how many pixels the equations are factorised; beyond, a coarser solution is refined."""
_STEPS = 400
_EXACT = 1e-5
_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def membrane(values: Values, mask: Mask, *, reach: float | None = None) -> npt.NDArray[np.float64]:
    """Values that are harmonic inside the mask and as given around it: float64 (y, x, channel).

    Each pixel of the mask is the mean of its neighbours; the pixels next to the mask are read from
    `values` (y, x, channel). The edge of the image is free: values continue evenly up to it. A
    part of the mask that has no border but the edge of the image has nothing to continue: 0.

    With a `reach` in pixels the values fade away from the border, to 1/e over that distance
    (the screened Poisson equation).
    """
    screen = 0.0 if reach is None else max(reach, 0.5) ** -2
    result = np.where(mask[:, :, None], 0.0, values)
    if not mask.any() or mask.all():
        return result
    matrix, sums = _equations(result, mask, screen)
    if len(sums) <= _DIRECT:
        result[mask] = splu(csc_array(matrix)).solve(sums)
        return result
    guess = _from_coarser(result, mask, None if reach is None else reach / 2)
    scale = 1 / matrix.diagonal()
    preconditioner = LinearOperator(matrix.shape, matvec=lambda one: scale * one.ravel())
    for channel in range(values.shape[2]):
        solution, _ = cg(
            matrix,
            sums[:, channel],
            x0=guess[mask][:, channel],
            rtol=_EXACT,
            maxiter=_STEPS,
            M=preconditioner,
        )
        result[mask, channel] = solution
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
    height, width = mask.shape
    for down, right in _NEIGHBOURS:
        window = slice(1 + down, 1 + down + height), slice(1 + right, 1 + right + width)
        neighbour = own[window][mask]
        border = neighbour == -1
        degree += neighbour != -2
        sums[border] += around[window][mask][border]
        rows.append(np.flatnonzero(neighbour >= 0))
        columns.append(neighbour[neighbour >= 0])
    row, column = np.concatenate(rows), np.concatenate(columns)
    links = csr_array((np.ones(len(row)), (row, column)), shape=(count, count))
    # Without a border nothing holds a part: a trace of weight holds it at 0.
    return diags_array(degree + max(screen, 1e-9)) - links, sums


def _from_coarser(values: Values, mask: Mask, reach: float | None) -> npt.NDArray[np.float64]:
    """The membrane at half the resolution, read at every pixel."""
    height, width = mask.shape
    size = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    outside = cv2.resize((~mask).astype(np.float64), size, interpolation=cv2.INTER_AREA)
    summed = cv2.resize(
        np.where(mask[:, :, None], 0.0, values), size, interpolation=cv2.INTER_AREA
    ).reshape(size[1], size[0], -1)
    # A coarse pixel belongs to the mask if most of it does; the others are means of what is given.
    coarse = outside < 0.5
    given = summed / np.maximum(outside, 1e-9)[:, :, None]
    solved = membrane(np.where(coarse[:, :, None], 0.0, given), coarse, reach=reach)
    grown = cv2.resize(solved, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown.reshape(height, width, -1))
