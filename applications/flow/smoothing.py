"""Flow made smooth by a weighted median that neither masks nor surfaces are mixed in."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from .cells import CellFlow, Numbers
from .consistency import round_trip

_ROUNDS = 2
"""How often the median is taken: each round trusts what the one before made consistent."""
_LIKENESS = 0.15
"""Cosines this far below 1 count exp(-1): cells that look alike move alike."""
_DISTRUST = 1e-3
"""Weight of a cell whose way back leads elsewhere, where there is nothing better."""
_VALUES = 1 << 22
"""Values of windows that are held at once."""

Features = npt.NDArray[np.float32]


def smooth(
    forward: CellFlow, backward: CellFlow, source: Features, target: Features, radius: int
) -> tuple[CellFlow, CellFlow]:
    """Both flows with each displacement the weighted median of those around it.

    The window is the square of this radius in cells. A cell of it weighs the more, the smaller
    its forward-backward error is and the more its features are like those of the centre: the
    weighted median of Sun, Roth and Black, "Secrets of optical flow estimation and their
    principles" (CVPR 2010, section 5.2), with features in place of colours. Cells of the mask
    that have no match take that of their neighbours; cells outside it neither give nor take.

    Parameters
    ----------
    forward, backward:
        Flow from the source to the target and back.
    source, target:
        Unit vectors (channel, row, column) of the cells of both.
    radius:
        In cells, at least 1.
    """
    for _ in range(_ROUNDS):
        there, back = round_trip(forward, backward), round_trip(backward, forward)
        forward, backward = (
            _median(forward, _trust(forward, there), source, radius),
            _median(backward, _trust(backward, back), target, radius),
        )
    return forward, backward


def _trust(flow: CellFlow, error: Numbers) -> Numbers:
    """The weight of each cell: 1 without a forward-backward error, exp(-1) for one of a cell."""
    trust = np.exp(-np.square(error / flow.cell))
    return np.where(flow.known, np.nan_to_num(trust) + _DISTRUST, 0.0)


def _median(flow: CellFlow, trust: Numbers, features: Features, radius: int) -> CellFlow:
    """The weighted median of each window, NaN outside the mask and where nothing weighs."""
    padded = [_padded(np.nan_to_num(part), radius) for part in (flow.x, flow.y)]
    weights, around = _padded(trust, radius), _padded(features, radius)
    smoothed = [np.full(flow.x.shape, np.nan) for _ in range(2)]
    count, columns = flow.x.shape
    for rows in _strips(count, columns, radius):
        like = _likeness(features[:, rows], around[:, _widened(rows, radius)], radius)
        weight = _windows(weights, rows, radius) * np.exp((like - 1) / _LIKENESS)
        weight[~flow.inside[rows]] = 0.0
        for part, result in zip(padded, smoothed, strict=True):
            result[rows] = _weighted_median(_windows(part, rows, radius), weight)
    return replace(flow, x=smoothed[0], y=smoothed[1])


def _weighted_median(values: Numbers, weights: Numbers) -> Numbers:
    """The smallest value that half of the weight lies at or below, along the last axis."""
    order = values.argsort(-1)
    below = np.take_along_axis(weights, order, -1).cumsum(-1)
    total = below[..., -1:]
    middle = np.take_along_axis(order, (below >= total / 2).argmax(-1)[..., None], -1)
    median = np.take_along_axis(values, middle, -1)
    return np.asarray(np.where(total > 0, median, np.nan)[..., 0])


def _likeness(features: Features, around: Features, radius: int) -> Numbers:
    """Cosine of each cell with each cell of its window: (row, column, place in the window)."""
    rows, columns = features.shape[1:]
    side = 2 * radius + 1
    like = np.empty((rows, columns, side * side))
    for place in range(side * side):
        down, across = divmod(place, side)
        other = around[:, down : down + rows, across : across + columns]
        like[:, :, place] = np.einsum("crk,crk->rk", features, other)
    return like


def _windows(padded: Numbers, rows: slice, radius: int) -> Numbers:
    """The window around each cell of these rows: (row, column, place in the window)."""
    side = 2 * radius + 1
    windows = sliding_window_view(padded[_widened(rows, radius)], (side, side))
    return windows.reshape(*windows.shape[:2], side * side)


def _padded(values: npt.NDArray[Any], radius: int) -> npt.NDArray[Any]:
    """The last two axes with a border of zeros."""
    width = [(0, 0)] * (values.ndim - 2) + [(radius, radius)] * 2
    return np.pad(values, width)


def _widened(rows: slice, radius: int) -> slice:
    return slice(rows.start, rows.stop + 2 * radius)


def _strips(rows: int, columns: int, radius: int) -> Iterator[slice]:
    step = max(1, _VALUES // (columns * (2 * radius + 1) ** 2))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
