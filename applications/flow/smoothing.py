"""Flow made smooth by a weighted median, and filled where it is inconsistent."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from .cells import CellFlow, Numbers, round_trip

_ROUNDS = 2  # how often the median is taken: each round trusts what the one before made consistent
_LIKENESS = 0.15  # cosines this far below 1 count exp(-1): cells that look alike move alike
_DISTRUST = 1e-3  # weight of a cell whose way back leads elsewhere, where there is nothing better
_WRONG = 3.0  # forward-backward error, in cells, from which on a displacement is replaced
_VALUES = 1 << 20  # values of windows that are held at once

Features = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def smooth(
    forward: CellFlow, backward: CellFlow, source: Features, target: Features, radius: int
) -> tuple[CellFlow, CellFlow]:
    """Both flows with each displacement the weighted median of those around it.

    The window is the square of this radius in cells. A cell of it weighs the more, the smaller its
    forward-backward error is and the more its features are like those of the centre: the weighted
    median of Sun, Roth and Black, "Secrets of optical flow estimation and their principles" (CVPR
    2010, section 5.2), with features in place of colours. Places that stay inconsistent or have no
    match are then filled from their rim inwards. Cells outside the mask neither give nor take.
    `source` and `target` are the unit vectors (channel, row, column) of the cells of both.
    """
    there, back = _Windows(source, radius), _Windows(target, radius)
    for step in (*[_smooth_once] * _ROUNDS, _fill):
        errors = round_trip(forward, backward), round_trip(backward, forward)
        forward, backward = step(forward, errors[0], there), step(backward, errors[1], back)
    return forward, backward


class _Windows:
    """The square windows of cells around each cell of a map, and how like its cells are."""

    def __init__(self, features: Features, radius: int) -> None:
        self.features, self.radius = features, radius
        self.around = self._pad(features)
        side = range(2 * radius + 1)
        self.places = [(down, across) for down in side for across in side]

    def median(self, flow: CellFlow, weights: Numbers, where: Mask) -> CellFlow:
        """The flow with each cell in `where` replaced by the weighted median of its window.

        It is unknown where nothing in the window weighs.
        """
        parts = [self._pad(np.nan_to_num(part)) for part in (flow.x, flow.y)]
        padded = self._pad(weights)
        result = [flow.x.copy(), flow.y.copy()]
        row, column = where.nonzero()
        step = max(1, _VALUES // len(self.places))
        for start in range(0, len(row), step):
            cells = row[start : start + step], column[start : start + step]
            weight = self._read(padded, *cells) * self._likeness(*cells)
            for part, values in zip(result, parts, strict=True):
                part[cells] = _weighted_median(self._read(values, *cells), weight)
        return replace(flow, x=result[0], y=result[1])

    def reaching(self, cells: Mask) -> Mask:
        """Whose windows hold one of these cells."""
        side = 2 * self.radius + 1
        return np.asarray(binary_dilation(cells, np.ones((side, side), dtype=bool)))

    def _likeness(self, row: Any, column: Any) -> Numbers:
        """The weight (cell, place in the window) that the cosine with each cell's centre gives."""
        centre = self.features[:, row, column]
        cosines = [
            np.einsum("cn,cn->n", centre, self.around[:, row + down, column + across])
            for down, across in self.places
        ]
        return np.asarray(np.exp((np.stack(cosines, axis=-1).astype(np.float64) - 1) / _LIKENESS))

    def _read(self, padded: Numbers, row: Any, column: Any) -> Numbers:
        """The values in the windows of these cells: (cell, place in the window)."""
        down, across = np.array(self.places).T
        return np.asarray(padded[row[:, None] + down, column[:, None] + across])

    def _pad(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The last two axes with a border of zeros."""
        border = [(0, 0)] * (values.ndim - 2) + [(self.radius, self.radius)] * 2
        return np.pad(values, border)


def _smooth_once(flow: CellFlow, error: Numbers, windows: _Windows) -> CellFlow:
    """One round of the median over all cells of the mask."""
    trust = np.nan_to_num(np.exp(-np.square(error / flow.cell))) + _DISTRUST
    return windows.median(flow, np.where(flow.valid, trust, 0.0), flow.inside)


def _fill(flow: CellFlow, error: Numbers, windows: _Windows) -> CellFlow:
    """The flow with inconsistent places filled from consistent ones, from the rim inwards.

    Places that are too far from any stay as they are.
    """
    sure = flow.valid & (np.nan_to_num(error, nan=np.inf) <= _WRONG * flow.cell)
    while True:
        rim = flow.inside & ~sure & windows.reaching(sure)
        if not rim.any():
            return flow
        flow = windows.median(flow, sure.astype(np.float64), rim)
        sure = sure | rim


def _weighted_median(values: Numbers, weights: Numbers) -> Numbers:
    """The smallest value that half of the weight lies at or below, along the last axis."""
    order = values.argsort(-1)
    below = np.take_along_axis(weights, order, -1).cumsum(-1)
    total = below[..., -1:]
    middle = np.take_along_axis(order, (below >= total / 2).argmax(-1)[..., None], -1)
    median = np.take_along_axis(values, middle, -1)
    return np.asarray(np.where(total > 0, median, np.nan)[..., 0])
