"""Feature maps of a lasting basis as files, packed to 8 bits."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ..combination.basis import Basis
from ..errors import IncomparableFeaturesError, InvalidFeaturesError
from ..features.grids import Grid, unit_length
from ..features.maps import check_map
from ..features.schema import IMAGE_PATH, check_attribute_types, check_centres
from ..features.tensors import FeatureMap, Features, scale_cells
from .files import to_tree, way_to
from .forms import FEATURES, MAPS
from .groups import Array, Group
from .info import MAP_ATTRIBUTES, MAP_GROUP, map_arrays, map_labels
from .layout import attributes_to_keep
from .netcdf import write_sealed
from .sealed import Contents, read_sealed

_LARGEST = 127


@dataclass(frozen=True, eq=False)
class PackedMap:
    """A feature map in 8 bits, as a file keeps it: the direction of each cell.

    Args:
        values: int8 (channel, rows, columns).
        grid: Where its cells are, in pixels of the upright image.
        attrs: Those of a feature map, and the `image_path` of the file, if there is one.
    """

    values: npt.NDArray[np.int8]
    grid: Grid
    attrs: Mapping[str, Any]


def read_packed(path: str | os.PathLike[str], basis: Basis) -> PackedMap:
    """The map in a basis that a file holds, or that its feature tree has there, in 8 bits.

    Raises `FeatureFileError` as `load_any` does, and `IncomparableFeaturesError` for a map of
    another basis, or features that can't be brought into this one.
    """
    contents = read_sealed(path, MAPS, FEATURES)
    if contents.form is FEATURES:
        fmap = basis.transform(Features.read(to_tree(contents)))
        attrs = {**fmap.attrs, IMAGE_PATH: contents.attributes.get(IMAGE_PATH)}
        return PackedMap(_pack(fmap.features.numpy())[0], fmap.grid, attrs)
    if contents.attributes.get("basis") != basis.identity:
        raise IncomparableFeaturesError(
            f"{os.fspath(path)}: is a map of another basis",
            hint="take the basis that it was extracted with",
        )
    with contents.guard():
        arrays, attributes = map_arrays(contents)
        values, grid = arrays["features"].values, Grid(arrays["y"].values, arrays["x"].values)
        if values.shape != (len(basis.sources), len(grid.y), len(grid.x)):
            raise ValueError("cells that are not those of its grid and its basis")
        if values.dtype != np.int8:
            values, _ = _pack(to_map(contents).features.numpy())
    return PackedMap(values, grid, attributes)


def _pack(values: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], float]:
    """The values in 8 bits, and by what these are to be multiplied."""
    scale = float(np.abs(values).max()) / _LARGEST or 1.0
    return np.rint(values / scale).astype(np.int8), scale


def save_map(
    fmap: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    lossless: bool = False,
    image_path: str | os.PathLike[str] | None = None,
) -> float:
    """Write a feature map to a file, whole or not at all.

    Args:
        fmap: A feature map (channel, y, x) of a basis that is kept: `basis.transform(tree)`. What
            was combined without one can't be compared with anything later. Attributes by the names
            of the file's own (`created`, `channels`) are not kept.
        path: The file to write; what is there is replaced in one step at the end.
        lossless: Keep float32, instead of 8 bits by one `scale_factor` (CF conventions, section
            8.1), a quarter of the size.
        image_path: The file of the photograph; see `save_features`.

    Returns:
        float: The lowest cosine of a cell with what the file keeps of it, which it states.

    Raises:
        InvalidFeaturesError: The map is none, or holds what a file has no place for.
        OutputError: The file can't be written.
    """
    check_map(fmap)
    check_attribute_types(fmap.attrs, MAP_ATTRIBUTES, "the feature map")
    values, about, lowest = np.ascontiguousarray(fmap.values), {}, 1.0
    if not lossless:
        packed, scale = _pack(values)
        kept = unit_length(torch.from_numpy(packed.astype(np.float32))).numpy()
        exact = unit_length(torch.from_numpy(values)).numpy()
        lowest = min(1.0, float((kept * exact).sum(axis=0).min()))
        values, about = packed, {"scale_factor": scale}
    labels = zip(*(fmap[name].values.tolist() for name in ("source", "layer")), strict=True)
    runs = [[*label, len(list(run))] for label, run in groupby(labels)]
    about_map = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "channels": json.dumps(runs),
        "lowest_cosine": lowest,
    }
    way = None if image_path is None else way_to(image_path, path)
    attrs = {key: one for key, one in fmap.attrs.items() if key != IMAGE_PATH}
    attrs |= {} if way is None else {IMAGE_PATH: way}
    root = MAPS.root(attributes_to_keep(attrs, "the feature map") | about_map)
    arrays = {"features": Array(("channel", "y", "x"), values, about)}
    arrays |= {one: Array((one,), fmap[one].values.astype(np.float64)) for one in ("y", "x")}
    groups = [root, Group("/map", {}), Group(MAP_GROUP, {}, arrays)]
    write_sealed(path, groups, MAPS, lossless=True)
    return lowest


def load_map(path: str | os.PathLike[str]) -> xr.DataArray:
    """The feature map that a file holds, float32 (channel, y, x), each cell of length 1.

    Raises `FeatureFileError` if there is no such file, or it is damaged or of another kind.
    """
    return load_tensors(path).to_xarray()


def load_tensors(path: str | os.PathLike[str]) -> FeatureMap:
    """As `load_map`, as a tensor."""
    return to_map(read_sealed(path, MAPS))


def to_map(contents: Contents) -> FeatureMap:
    """The feature map that a file of one holds."""
    with contents.guard():
        arrays, attributes = map_arrays(contents)
        values, scale = arrays["features"].values, arrays["features"].attributes
        features = np.multiply(values, scale.get("scale_factor", 1.0), dtype=np.float32)
        labels = map_labels(contents, len(features))
        grid = Grid(arrays["y"].values, arrays["x"].values)
        cells = torch.from_numpy(features)
        is_unit = scale_cells([cells], 1.0, cells)
        if not (is_unit or bool(cells.isfinite().all())):
            raise InvalidFeaturesError("holds NaN or infinite values")
        fmap = FeatureMap(cells, grid, attributes, *labels, is_unit=is_unit)
        check_centres(grid.y, "its y", attributes["image_height"])
        check_centres(grid.x, "its x", attributes["image_width"])
    return fmap
