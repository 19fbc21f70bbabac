"""Dense flow: for every pixel of one image, its displacement to where it is in the other."""

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import Descriptor
from ...descriptors.features.grids import Grid, at_cells
from ...descriptors.features.tensors import FeatureMap
from ...descriptors.features.tree import grid_coordinates
from ...descriptors.image.masks import MaskLike
from ...descriptors.runtime.memory import check_fits
from ...descriptors.settings import check_choice, check_float, check_int
from ...matchers import Matcher, SoftArgmax
from ..feature_maps import MapOrImage, feature_maps, image_size
from ..masks import mask_of
from ..resolution import (
    PLACES,
    SEARCH,
    Resolution,
    cell_size,
    check_matching,
    check_resolution,
    even_grid,
    resample_map,
    strips,
)
from .cells import CellFlow, Frame, Numbers, round_trip
from .fields import VARIABLES, FlowError
from .smoothing import smooth

NamedGrid = Literal["image", "cells"]
FlowGrid: TypeAlias = NamedGrid | Resolution
Mask: TypeAlias = npt.NDArray[np.bool_] | None

_PER_PLACE, _READING = 17, 400
"""Bytes that a place of the grid takes: four numbers in float32, and whether they are valid; and
those more while the flow is read there."""


def dense_flow(
    source: MapOrImage,
    target: MapOrImage,
    *,
    descriptor: Descriptor | None = None,
    matcher: Matcher | None = None,
    cells: Resolution | None = None,
    grid: FlowGrid = "image",
    source_mask: MaskLike | None = None,
    target_mask: MaskLike | None = None,
    smoothing: int = 0,
    max_consistency: float | None = None,
) -> xr.Dataset:
    """Flow: what lies at (x, y) in the source lies at (x + flow_x, y + flow_y) in the target.

    Cells are matched in both directions, made smooth if asked for, and read bilinearly at the
    places of the grid: by coordinates, and never across the border of a mask or where neighbouring
    displacements are torn apart.
    Raises `FlowError` if no place has a valid displacement; `ImageError` for a mask that can't be
    used; `OptionError` if a setting is out of range, or images come without a descriptor;
    `IncomparableFeaturesError` or `InvalidFeaturesError` for maps that can't be compared;
    `OutOfMemoryError` for more cells, or more places of the grid, than fit into memory.

    Args:
        source, target: Feature maps (channel, y, x) out of one `combine`; or images, with a
            descriptor.
        descriptor: What describes images.
        matcher: Any matcher; `SoftArgmax(window=1)` by default.
        cells: The resolution that features are brought to before they are matched, bilinearly and
            with unit length again: so many cells along the longer side of each image, or (rows,
            columns). None takes the maps as they are.
        grid: Where the flow is given: "image", every pixel of the source; "cells", the cells that
            were matched; so many cells along the longer side of the source; or (rows, columns).
        source_mask, target_mask: Masks of the size of their image, as in `Matcher`. No flow begins
            or ends outside.
        smoothing: Radius in cells of the weighted median that smooths the displacements (`smooth`);
            0 leaves them as they were matched.
        max_consistency: Displacements with a larger forward-backward error, in pixels of the
            source, are not valid. None keeps them all.

    Returns:
        xarray.Dataset: Over (y, x), pixels of the upright source image. `flow_x` and `flow_y`:
            displacement in pixels. `score`: cosine of the cell's own match, whatever smoothing made
            of it. `consistency`: forward-backward error in pixels, NaN where the way back is
            unknown. All are float32, and NaN where `valid`, bool, is False.
    """
    check_int("smoothing", smoothing, minimum=0, maximum=50)
    if max_consistency is not None:
        check_float("max_consistency", max_consistency, minimum=0)
    if isinstance(grid, str):
        check_choice("grid", grid, get_args(NamedGrid))
    else:
        check_resolution("grid", grid)
    if cells is not None:
        check_resolution("cells", cells)
    if matcher is None:
        matcher = SoftArgmax(window=1)
    maps = feature_maps([source, target], descriptor)
    if cells is not None:
        maps = [resample_map(one, cells) for one in maps]
    a, b = (
        FeatureMap.from_xarray(one, name=name).to_xarray()
        for one, name in zip(maps, ("source map", "target map"), strict=True)
    )
    places = Grid.of(a) if grid == "cells" else _places(*image_size(a), grid)
    of_a = None if source_mask is None else mask_of(a.attrs, source_mask, "source mask")
    of_b = None if target_mask is None else mask_of(b.attrs, target_mask, "target mask")
    forward = CellFlow.of(matcher(a, b, source_mask=of_a, target_mask=of_b), b, of_a)
    backward = CellFlow.of(matcher(b, a, source_mask=of_b, target_mask=of_a), a, of_b)
    if smoothing:
        forward, backward = smooth(forward, backward, a.values, b.values, smoothing)
    error = round_trip(forward, backward)
    if max_consistency is not None:
        forward = forward.without(~(error <= max_consistency))
    flow = _on_grid(forward, error, places, b, of_a, of_b)
    if not flow["valid"].any():
        names = " to ".join(str(one.attrs["image_name"]) for one in maps)
        raise FlowError(
            f"no place has a valid flow from {names}: the images may not overlap",
            hint="try another matcher, such as nearest, which always answers"
            if max_consistency is None
            else "allow a larger forward-backward error",
        )
    return flow.assign_attrs(
        matcher=repr(matcher),
        basis=maps[0].attrs["basis"],
        **{
            f"{role}_{key}": one.attrs[f"image_{key}"]
            for role, one in zip(("source", "target"), maps, strict=True)
            for key in ("name", "height", "width")
        },
        cells=f"{maps[0].sizes['y']} x {maps[0].sizes['x']}",
        smoothing=smoothing,
    )


def _places(height: int, width: int, grid: FlowGrid) -> Grid:
    """The places of a flow, not those of cells, if memory holds it."""
    places = even_grid(height, width, (height, width) if isinstance(grid, str) else grid, "grid")
    rows, columns = len(places.y), len(places.x)
    check_fits(_bytes(places), f"flow at {rows} x {columns} places", "lower grid (--grid)")
    return places


def _bytes(places: Grid) -> int:
    """How many a flow at these places takes, about, while it is read."""
    count = len(places.y) * len(places.x)
    return _PER_PLACE * count + _READING * min(count, PLACES)


def flow_memory(
    height: int, width: int, *, cells: Resolution | None = None, grid: FlowGrid = "image"
) -> int:
    """About how many bytes `dense_flow` takes beside the maps, for a source of this size in pixels.

    Raises `OutOfMemoryError` if more than is free is certainly needed.
    """
    size = SEARCH
    if cells is not None:
        size = check_matching(even_grid(height, width, cells), channels=1)
    return size if grid == "cells" else max(size, _bytes(_places(height, width, grid)))


def _on_grid(
    flow: CellFlow,
    error: Numbers,
    grid: Grid,
    target: xr.DataArray,
    source_mask: Mask,
    target_mask: Mask,
) -> xr.Dataset:
    """The flow, its scores and its errors read at the places of a grid, strip by strip."""
    shape = (len(grid.y), len(grid.x))
    values: dict[str, npt.NDArray[Any]] = {
        name: np.empty(shape, dtype=np.float32)
        for name in ("flow_x", "flow_y", "score", "consistency")
    }
    reach = max(1.0, cell_size(Grid.of(target), *image_size(target)))
    frame = Frame(*image_size(target), target_mask, reach)
    for rows in strips(*shape):
        y, x = grid.y[rows, None], grid.x[None]
        flow_x, flow_y, score, consistency = flow.read(y, x, flow.score, error)
        if source_mask is not None:
            flow_x[~at_cells(source_mask, Grid(grid.y[rows], grid.x))] = np.nan
        end_y, end_x = frame.bring_in(y + flow_y, x + flow_x)
        values["flow_x"][rows], values["flow_y"][rows] = end_x - x, end_y - y
        valid = np.isfinite(end_x)
        values["score"][rows] = np.where(valid, score, np.nan)
        values["consistency"][rows] = np.where(valid, consistency, np.nan)
    values["valid"] = np.isfinite(values["flow_x"])
    return xr.Dataset(
        {name: (("y", "x"), values[name], about) for name, about in VARIABLES.items()},
        coords=grid_coordinates(grid.y, grid.x),
    )
