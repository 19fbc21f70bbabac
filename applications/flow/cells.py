"""Flow on a grid of cells, how it is read between them, and the frame that it must stay in."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors.features.grids import Grid, at_cells, bracket, nearest_pixels
from ..resolution import cell_size, nearest_inside

_TEAR = 3.0
"""How many cells the flow of neighbours may differ by before they are taken for two surfaces."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CellFlow:
    """Displacements of the cells of one feature map, all (row, column).

    `x` and `y` are in pixels to the right and down, NaN where unknown; `score` is the cosine of
    the match; `inside` says whether the cell belongs to the mask. `cell` is the side of a cell in
    pixels: the larger one of the two maps.
    """

    grid: Grid
    x: Numbers
    y: Numbers
    score: Numbers
    inside: npt.NDArray[np.bool_]
    cell: float

    @classmethod
    def of(
        cls, matches: xr.Dataset, target: xr.DataArray, mask: npt.NDArray[np.bool_] | None = None
    ) -> Self:
        """The flow of what a matcher found in a target over the grid of a source, inside a mask."""
        grid, score = Grid.of(matches), matches["score"].values.astype(np.float64)
        inside = np.ones(score.shape, dtype=bool) if mask is None else at_cells(mask, grid)
        x = matches["target_x"].values - grid.x
        y = matches["target_y"].values - grid.y[:, None]
        sides = [
            cell_size(cells, matches.attrs[f"{role}_height"], matches.attrs[f"{role}_width"])
            for role, cells in (("source", grid), ("target", Grid.of(target)))
        ]
        return cls(grid, x, y, score, inside, max(sides))

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Which cells have a displacement."""
        return np.asarray(np.isfinite(self.x) & np.isfinite(self.y))

    def without(self, which: npt.NDArray[np.bool_]) -> Self:
        """The flow with these cells unknown."""
        return replace(self, x=np.where(which, np.nan, self.x), y=np.where(which, np.nan, self.y))

    def read(self, y: Numbers, x: Numbers, *others: Numbers) -> list[Numbers]:
        """Displacement x and y at these places, and what other arrays over the cells say there.

        Bilinear between the centres of the four cells around a place; beyond the outermost
        centres the nearest counts alone. Cells without a displacement don't count, nor do those
        whose displacement is torn off from that of the nearest: nothing is mixed across the border
        of a mask or of an object. NaN where no cell counts. `y` and `x` are pixels of the image,
        and broadcast against each other.
        """
        top, bottom, down = bracket(self.grid.y, y)
        left, right, across = bracket(self.grid.x, x)
        corners = [
            ((row, column), part * share)
            for row, part in ((top, 1 - down), (bottom, down))
            for column, share in ((left, 1 - across), (right, across))
        ]
        valid = self.valid
        weights = np.stack([np.where(valid[at], share, 0.0) for at, share in corners])
        over = [np.stack([part[at] for at, _ in corners]) for part in (self.x, self.y, *others)]
        flow = [np.nan_to_num(part) for part in over[:2]]
        nearest = weights.argmax(0)[None]
        apart = np.hypot(*(part - np.take_along_axis(part, nearest, 0) for part in flow))
        weights[apart > _TEAR * self.cell] = 0.0
        total = weights.sum(0)
        with np.errstate(invalid="ignore"):
            weights /= total
        return [np.where(weights == 0, 0.0, part * weights).sum(0) for part in (*flow, *over[2:])]


def round_trip(forward: CellFlow, backward: CellFlow) -> Numbers:
    """For each cell of `forward` the distance in pixels between its start and the end of the way.

    The way leads by `forward` into the other image and by `backward`, read at the sub-pixel
    place, home again: |w(x) + w'(x + w(x))| of Sundaram, Brox and Keutzer, "Dense point
    trajectories by GPU-accelerated large displacement optical flow" (ECCV 2010, section 3). NaN
    where one of them is unknown.
    """
    valid = forward.valid
    error = np.full(valid.shape, np.nan)
    row, column = valid.nonzero()
    out_x, out_y = forward.x[valid], forward.y[valid]
    home_x, home_y = backward.read(forward.grid.y[row] + out_y, forward.grid.x[column] + out_x)
    error[valid] = np.hypot(out_x + home_x, out_y + home_y)
    return error


@dataclass(frozen=True, eq=False)
class Frame:
    """Where in an image of this height and width, in pixels, a flow may end.

    Interpolation and extrapolation carry some places a little beyond the border: these are moved
    to the nearest pixel within it, if that is at most `reach` pixels away.
    """

    height: int
    width: int
    mask: npt.NDArray[np.bool_] | None
    reach: float

    @cached_property
    def _nearest(self) -> npt.NDArray[Any] | None:
        """Row and column of the pixel of the mask that is nearest to each; None without a mask."""
        return None if self.mask is None or self.mask.all() else nearest_inside(self.mask)

    def bring_in(self, y: Numbers, x: Numbers) -> tuple[Numbers, Numbers]:
        """The places moved inside, NaN for those that are too far out or NaN themselves."""
        valid = np.isfinite(y) & np.isfinite(x)
        in_y = np.clip(np.where(valid, y, 0.0), -0.5, self.height - 0.5)
        in_x = np.clip(np.where(valid, x, 0.0), -0.5, self.width - 0.5)
        if self.mask is not None and self._nearest is not None:
            row, column = nearest_pixels(in_y, self.height), nearest_pixels(in_x, self.width)
            outside = ~self.mask[row, column]
            in_y[outside], in_x[outside] = self._nearest[:, row[outside], column[outside]]
        with np.errstate(invalid="ignore"):
            valid &= np.hypot(in_y - y, in_x - x) <= self.reach
        return np.where(valid, in_y, np.nan), np.where(valid, in_x, np.nan)
