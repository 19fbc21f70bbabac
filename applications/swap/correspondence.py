"""Where each pixel of an instance lies in the other image, as the settings of a swap ask for it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import binary_dilation

from ...descriptors.errors import DescrError, OptionError
from ...descriptors.features.grids import Grid, at_cells, nearest_cells
from ...descriptors.features.tree import grid_coordinates
from ...descriptors.settings import check_choice, check_float
from ...matchers import Matcher
from ..flow import dense_flow
from ..resolution import Resolution, cell_size, check_resolution, even_grid, spread, window
from .blending import BLENDS, Blend
from .field import Field, complete_field

if TYPE_CHECKING:
    from .refinement import Refinement

_SQUARE = np.ones((3, 3), dtype=bool)
_CONSISTENT = 3.0
"""How many cells the way there and back may miss its start by, in pixels of the source."""
_OUTLIER = 2.0
"""How many cells off the smooth field a match is no longer believed, in pixels of the target."""

Mask = npt.NDArray[np.bool_]


class NothingMatchedError(DescrError):
    """Two instances of which no place of one could be found in the other."""


@dataclass(frozen=True, kw_only=True)
class SwapOptions:
    """What `swap_instances` takes beside the images; raises `OptionError` for what is no value."""

    matcher: Matcher | None = None
    cells: Resolution | None = None
    max_consistency: float | None = None
    min_score: float | None = None
    smoothness: float = 2.0
    blend: Blend = "feather"
    blend_width: float | None = None
    refine: "Refinement | None" = None

    def __post_init__(self) -> None:
        if self.cells is not None:
            check_resolution("cells", self.cells)
        if self.max_consistency is not None:
            check_float("max_consistency", self.max_consistency, minimum=0)
        if self.min_score is not None:
            check_float("min_score", self.min_score, minimum=-1, maximum=1)
        check_float("smoothness", self.smoothness, minimum=0, maximum=100)
        check_choice("blend", self.blend, BLENDS)
        if self.blend_width is not None:
            check_float("blend_width", self.blend_width, minimum=0)
            if self.blend == "none":
                raise OptionError(
                    "blend_width has nothing to do: blend is 'none'",
                    hint="leave it out, or blend by feather or poisson",
                )


@dataclass(frozen=True, eq=False)
class InstanceFlow:
    """Displacements of the pixels of one instance, and of the pixels next to them.

    `x` and `y` (row, column) are in pixels to the right and down over the whole image, NaN where
    there is none. They are `filled` where in the instance they come from the neighbours; `score` is
    the cosine of the match of the cell that holds the pixel, NaN where it has none. `about` are the
    attributes of the flow between the cells.
    """

    x: Field
    y: Field
    filled: Mask
    score: npt.NDArray[np.float32]
    about: dict[Any, Any]

    def dataset(self, margin: int = 0) -> xr.Dataset:
        """The displacements as `warp` takes them, into a target with this margin around it."""
        rows, columns = (np.arange(length, dtype=np.float64) for length in self.x.shape)
        return xr.Dataset(
            {"flow_x": (("y", "x"), self.x + margin), "flow_y": (("y", "x"), self.y + margin)},
            coords=grid_coordinates(rows, columns),
        )


def instance_flow(
    maps: tuple[xr.DataArray, xr.DataArray], masks: tuple[Mask, Mask], options: SwapOptions
) -> InstanceFlow:
    """The flow of every pixel of the source's instance into the target.

    Matches whose way back misses its start, that score low, or that stand alone against their
    neighbours are dropped, and the field between the others is completed inside the instance.
    Raises `NothingMatchedError` if no match is left, and what `dense_flow` raises.
    """
    of_source, of_target = (None if mask.all() else mask for mask in masks)
    matches = dense_flow(
        *maps,
        matcher=options.matcher,
        cells=options.cells,
        grid="cells",
        source_mask=of_source,
        target_mask=of_target,
    )
    grid = Grid.of(matches)
    sizes = _cell_sizes(grid, maps[1], masks, options.cells)
    flow = np.stack([matches["flow_x"].values, matches["flow_y"].values], axis=2).astype(np.float64)
    limit, min_score = options.max_consistency, options.min_score
    if limit is None:
        limit = _CONSISTENT * sizes[0]
    scoring, lower = "", ""
    # NaN is not at most anything.
    valid = matches["valid"].values & (matches["consistency"].values <= limit)
    if min_score is not None:
        scoring, lower = f" and scores {min_score:g}", " or a lower score"
        valid &= matches["score"].values >= min_score
    if not valid.any():
        names = f"{matches.attrs['source_name']} and {matches.attrs['target_name']}"
        raise NothingMatchedError(
            f"nothing in the instances of {names} matches there and back within {limit:.3g} pixels"
            f"{scoring}",
            hint="check that the masks show the same kind of thing, or allow a larger "
            f"forward-backward error{lower}",
        )
    pixels = binary_dilation(masks[0], _SQUARE)
    ringed = _with_ring(grid, sizes[0])
    row, column = (
        nearest_cells(centres, np.arange(length, dtype=np.float64))
        for centres, length in zip((ringed.y, ringed.x), pixels.shape, strict=True)
    )
    # The cells that the pixels are in, and those around them, which interpolation reads.
    domain = np.zeros((len(ringed.y), len(ringed.x)), dtype=bool)
    y, x = pixels.nonzero()
    domain[row[y], column[x]] = True
    # Where cells are smaller than pixels, several lie in one.
    domain = binary_dilation(domain, _SQUARE) | np.pad(at_cells(masks[0], grid), 1)
    completed, trusted = complete_field(
        np.pad(flow, ((1, 1), (1, 1), (0, 0))),
        np.pad(valid, 1),
        domain,
        smoothness=options.smoothness,
        scale=None if options.smoothness == 0 else _OUTLIER * sizes[1],
    )
    x_at_pixels, y_at_pixels = _at_pixels(spread(completed, domain), ringed, pixels)
    score = np.pad(matches["score"].values, 1, constant_values=np.nan)[np.ix_(row, column)]
    trusted = trusted[np.ix_(row, column)]
    return InstanceFlow(
        x=x_at_pixels,
        y=y_at_pixels,
        filled=masks[0] & ~trusted,
        score=np.where(masks[0] & trusted, score, np.float32(np.nan)),
        about=matches.attrs,
    )


def _cell_sizes(
    grid: Grid, target: xr.DataArray, masks: tuple[Mask, Mask], cells: Resolution | None
) -> tuple[float, float]:
    """The side of a cell in pixels of the source, and of the target: of the coarser of the grids.

    Where the instance is small in one image, its cells there are large beside those of the other.
    """
    height, width = masks[1].shape
    other = Grid.of(target) if cells is None else even_grid(height, width, cells)
    own = cell_size(grid, *masks[0].shape), cell_size(other, height, width)
    larger = float(np.sqrt(masks[1].sum() / masks[0].sum()))
    return max(own[0], own[1] / larger), max(own[1], own[0] * larger)


def _with_ring(grid: Grid, size: float) -> Grid:
    """The grid with one more cell on each side: beyond the outermost centres there are pixels."""
    sides = []
    for at in (grid.y, grid.x):
        step = (at[-1] - at[0]) / (len(at) - 1) if len(at) > 1 else size
        sides.append(np.concatenate([[at[0] - step], at, [at[-1] + step]]))
    return Grid(*sides)


def _at_pixels(field: Field, grid: Grid, pixels: Mask) -> list[Field]:
    """The components of a field over cells at these pixels, by cubic splines; NaN elsewhere."""
    part = window(pixels)
    y, x = (np.arange(side.start, side.stop) for side in part)
    components = []
    for values in np.moveaxis(field, 2, 0):
        kx, ky = (min(3, count - 1) for count in values.shape)
        spline = RectBivariateSpline(grid.y, grid.x, values, kx=kx, ky=ky)
        component = np.full(pixels.shape, np.nan)
        component[part] = np.where(pixels[part], spline(y, x), np.nan)
        components.append(component)
    return components
