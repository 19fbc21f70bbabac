"""The part of an image that is looked for: a point, some points, a box, a mask, or all of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...descriptors.errors import OptionError, PointError
from ...descriptors.features.grids import Grid
from ...descriptors.features.maps import Points, check_points
from ...descriptors.features.tensors import FeatureMap
from ...descriptors.image.masks import MaskLike
from ..masks import cells_in_mask

_CELLS = 256
"""Cells of a part that are looked for, spread over it: more change nothing but the time."""


@dataclass(frozen=True, eq=False)
class Part:
    """What is looked for.

    Args:
        cells: float32 (cell, channel), each of length 1.
        places: Where they lie, (cell, 2) as x, y in pixels of their image.
        corners: Those of the box around the part, (4, 2) as x, y, clockwise from the top left.
        spacing: Distance of neighbouring cells in pixels, in the mean of both sides.
    """

    cells: torch.Tensor
    places: npt.NDArray[np.float64]
    corners: npt.NDArray[np.float64]
    spacing: float

    @classmethod
    def of(
        cls,
        fmap: FeatureMap,
        *,
        points: Points | None = None,
        around: int = 0,
        mask: MaskLike | None = None,
        box: Sequence[float] | None = None,
    ) -> "Part":
        """The part of an image at points, in a mask or in a box; all of it without any of these.

        Raises as `Index.search` does.
        """
        if sum(one is not None for one in (points, mask, box)) > 1:
            raise OptionError("points, mask and box exclude each other", hint="give one of them")
        apart = spacing_of(fmap.grid)
        if points is not None:
            places = check_points(points, fmap)
            if around == 0:
                return cls(_at(fmap, places), places, _box_around(places), apart)
            reach = (around + 0.5) * apart
            corners = _box_around(places, reach)
            squares = [(*(place - reach), *(place + reach)) for place in places]
            inside = np.any([_in_box(fmap.grid, *square) for square in squares], axis=0)
        elif box is None:
            inside, corners = cells_in_mask(mask, fmap.to_xarray()), None
        else:
            corners = check_points(box_corners(box), fmap)
            inside = _in_box(fmap.grid, *corners[0], *corners[2])
            if not inside.any():
                # Between the centres of cells: what is read in its middle.
                middle = corners.mean(axis=0, keepdims=True)
                return cls(_at(fmap, middle), middle, corners, apart)
        rows, columns = np.nonzero(inside)
        places = np.stack([fmap.grid.x[columns], fmap.grid.y[rows]], axis=1)
        some = _spread(len(rows), _CELLS)
        which = torch.from_numpy((rows * len(fmap.grid.x) + columns)[some])
        cells = fmap.features.cpu().flatten(1).T[which].contiguous()
        if corners is None:
            corners = _box_around(places, apart / 2)
        return cls(cells, places[some], corners, apart)

    @classmethod
    def spread(cls, values: torch.Tensor, scales: torch.Tensor, grid: Grid, count: int) -> "Part":
        """A whole image by so many of its cells, of `Vectors` row by row and their grid."""
        some = _spread(len(values), count)
        rows, columns = np.divmod(some, len(grid.x))
        places = np.stack([grid.x[columns], grid.y[rows]], axis=1)
        which, apart = torch.from_numpy(some), spacing_of(grid)
        corners = _box_around(np.array([(grid.x[at], grid.y[at]) for at in (0, -1)]), apart / 2)
        return cls(values[which] * scales[which, None], places, corners, apart)


def spacing_of(grid: Grid) -> float:
    """The distance of neighbouring cells in pixels, in the mean of both sides; 1 for one cell."""
    steps = [np.ptp(side) / (len(side) - 1) for side in (grid.y, grid.x) if len(side) > 1]
    return float(np.mean(steps)) if steps else 1.0


def _in_box(
    grid: Grid, left: float, top: float, right: float, bottom: float
) -> npt.NDArray[np.bool_]:
    """Which cells (row, column) have their centre in a box."""
    x, y = grid.x, grid.y
    return ((y >= top) & (y <= bottom))[:, None] & (x >= left) & (x <= right)


def _spread(length: int, count: int) -> npt.NDArray[np.intp]:
    """So many places of a list of this length, spread over it."""
    return np.linspace(0, length - 1, min(length, count)).round().astype(np.intp)


def _at(fmap: FeatureMap, places: npt.NDArray[np.float64]) -> torch.Tensor:
    return fmap.at(places).T.cpu().contiguous()


def box_corners(box: Sequence[float]) -> npt.NDArray[np.float64]:
    """The corners (4, 2), as x, y, of a box x0, y0, x1, y1; `PointError` for what is none."""
    try:
        left, top, right, bottom = map(float, box)
    except (TypeError, ValueError):
        raise PointError("a box is four numbers: x0, y0, x1, y1") from None
    if not (left < right and top < bottom):
        raise PointError(
            f"the box {left:g},{top:g},{right:g},{bottom:g} is empty",
            hint="give its top left corner first: x0,y0,x1,y1",
        )
    return _corners(left, top, right, bottom)


def _box_around(places: npt.NDArray[np.float64], margin: float = 0.0) -> npt.NDArray[np.float64]:
    return _corners(*(places.min(axis=0) - margin), *(places.max(axis=0) + margin))


def _corners(left: float, top: float, right: float, bottom: float) -> npt.NDArray[np.float64]:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=float)
