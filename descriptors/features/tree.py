"""The feature tree: all layers of one image as the networks gave them, and what makes it valid."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..errors import InvalidFeaturesError, OptionError
from ..image.reading import Image
from ..layer import Resampling

SCHEMA = 1
ROOT_ATTRIBUTES: Mapping[str, type] = {
    "Conventions": str,
    "descr_schema": int,
    "descr_version": str,
    "descriptor": str,
    "image_name": str,
    "image_height": int,
    "image_width": int,
    "image_sha256": str,
    "created": str,
}
IMAGE_PATH = "image_path"
"""The attribute of the root, where there is one, with the way from a file to its photograph."""
LAYER_ATTRIBUTES: Mapping[str, type] = {
    "source": str,
    "layer": str,
    "weight": float,
    "model": str,
    "revision": str,
    "settings": str,
}
OPTIONAL_ATTRIBUTES: Mapping[str, type] = {
    "components": int,
    "precision": str,
    "weights_variant": str,
    "resampling": str,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Provenance:
    """What the group of a layer says of itself.

    Args:
        source, layer: The names of the group: `/<source>/<layer>`.
        weight: The weight of the source in the joined map.
        model, revision: Which weights, and which state of them.
        settings: What the features depend on, by name; values that JSON can hold.
        components: To how many principal components `combine` reduces the layer; None for as it is.
        precision: What the network computed in, as in `float32`; "" for not known.
        weights_variant: The precision of the published weights, where there are several; "" for not
            known.
        resampling: How `combine` brings the layer to the finest grid of its source; see `Layer`.
    """

    source: str
    layer: str
    weight: float = 1.0
    model: str
    revision: str
    settings: Mapping[str, Any]
    components: int | None = None
    precision: str = ""
    weights_variant: str = ""
    resampling: Resampling = "cascade"

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of the group; an optional one is left out where it is as by default."""
        own = {one.name: getattr(self, one.name) for one in fields(Provenance)}
        own["weight"], own["settings"] = float(self.weight), _to_json(self.settings, self.source)
        return {
            name: value
            for name, value in own.items()
            if name in LAYER_ATTRIBUTES or value not in (None, "", "cascade")
        }


def _to_json(settings: Mapping[str, Any], source: str) -> str:
    for name, value in settings.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise OptionError(
                f"the setting {name!r} of {source} is a {type(value).__name__}, which a feature "
                "file has no place for",
                hint="keep it as text, numbers or lists of them",
            ) from None
    return json.dumps(dict(settings), sort_keys=True)


def grid_coordinates(
    y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]
) -> dict[str, xr.Variable]:
    """The coordinates `y` and `x` of a grid: centres of cells in pixels of the upright image."""
    return {
        name: xr.Variable(
            name,
            np.asarray(values, dtype=np.float64),
            attrs={"units": "pixel", "long_name": f"{name} of the cell's centre in the image"},
        )
        for name, values in (("y", y), ("x", x))
    }


def root_attributes(image: Image, descriptor: str) -> dict[str, Any]:
    """The attributes of the root of a feature tree: those of the schema, for one upright image.

    `descriptor` is the `repr` of the descriptor that makes the layers.
    """
    return {
        "Conventions": "CF-1.11",
        "descr_schema": SCHEMA,
        "descr_version": version("descr-sdk"),
        "descriptor": descriptor,
        "image_name": image.name,
        "image_height": image.height,
        "image_width": image.width,
        "image_sha256": image.sha256,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def tree_layers(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """The layers of a feature tree by "source/layer", in order."""
    return {
        f"{source}/{layer}": node.to_dataset()
        for source, group in tree.children.items()
        for layer, node in group.children.items()
    }


def check_tree(tree: xr.DataTree, name: str = "feature tree") -> None:
    """Raise `InvalidFeaturesError` if the tree breaks the schema.

    It has all attributes, of their types, and at least one layer of float32 features (channel, y,
    x), all finite, whose coordinates ascend within the image.
    """
    if not isinstance(tree, xr.DataTree):
        raise InvalidFeaturesError(f"{name} is a {type(tree).__name__}, not an xarray.DataTree")
    check_attribute_types(tree.attrs, ROOT_ATTRIBUTES, name)
    layers = tree_layers(tree)
    if not layers:
        raise InvalidFeaturesError(f"{name} holds no layer")
    for path, node in layers.items():
        _check_layer(node, path, f"layer {path} of {name}", tree)


def _check_layer(node: xr.Dataset, path: str, name: str, tree: xr.DataTree) -> None:
    check_attribute_types(node.attrs, LAYER_ATTRIBUTES, name)
    if f"{node.attrs['source']}/{node.attrs['layer']}" != path:
        raise InvalidFeaturesError(f"{name} calls itself something else in its attributes")
    optional = {key: kind for key, kind in OPTIONAL_ATTRIBUTES.items() if key in node.attrs}
    check_attribute_types(node.attrs, optional, name)
    if node.attrs.get("components", 1) < 1:
        raise InvalidFeaturesError(f"{name}: components is {node.attrs['components']}, below 1")
    resampling = node.attrs.get("resampling", "cascade")
    if resampling not in get_args(Resampling):
        raise InvalidFeaturesError(
            f"{name}: resampling is {resampling!r}, which this version of descr does not know",
            hint="use the version that wrote it, or extract it again",
        )
    if not (np.isfinite(node.attrs["weight"]) and node.attrs["weight"] >= 0):
        raise InvalidFeaturesError(f"{name}: weight is {node.attrs['weight']!r}")
    try:
        settings = json.loads(node.attrs["settings"])
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise InvalidFeaturesError(f"{name}: settings is not a JSON object")
    if "features" not in node.data_vars:
        raise InvalidFeaturesError(f"{name} has no variable 'features'")
    check_grid(node["features"], name, tree.attrs)


def check_grid(grid: xr.DataArray, name: str, image: Mapping[Any, Any]) -> None:
    """Raise `InvalidFeaturesError` unless it is a finite float32 (channel, y, x) on an image."""
    if grid.dims != ("channel", "y", "x"):
        raise InvalidFeaturesError(
            f"{name} has the dimensions {grid.dims}, expected ('channel', 'y', 'x')"
        )
    if grid.dtype != np.float32:
        raise InvalidFeaturesError(f"{name} has type {grid.dtype}, expected float32")
    if grid.size == 0:
        raise InvalidFeaturesError(f"{name} is empty: its shape is {grid.shape}")
    for axis, side in (("y", "image_height"), ("x", "image_width")):
        if axis not in grid.coords:
            raise InvalidFeaturesError(f"{name} has no coordinate {axis!r}")
        check_centres(np.asarray(grid[axis].values), f"{name}: its {axis}", image[side])
    if not np.isfinite(grid.values).all():
        raise InvalidFeaturesError(f"{name} holds NaN or infinite values", hint="extract it again")


def check_centres(centres: npt.NDArray[Any], name: str, side: int) -> None:
    """Raise `InvalidFeaturesError` unless centres of cells ascend on a side of an image."""
    if (
        centres.ndim != 1
        or centres.dtype.kind != "f"
        or not np.isfinite(centres).all()
        or (np.diff(centres) <= 0).any()
        or centres[0] < -0.5
        or centres[-1] > side - 0.5
    ):
        raise InvalidFeaturesError(
            f"{name} coordinates do not ascend within the image's {side} pixels"
        )


def check_attribute_types(
    attributes: Mapping[Any, Any], expected: Mapping[str, type], name: str
) -> None:
    """Raise `InvalidFeaturesError` for an attribute that is missing, or of another type."""
    kinds = {str: str, int: int | np.integer, float: float | int | np.floating | np.integer}
    for key, kind in expected.items():
        if key not in attributes:
            raise InvalidFeaturesError(f"{name} has no attribute {key!r}")
        value = attributes[key]
        if isinstance(value, bool) or not isinstance(value, kinds[kind]):
            raise InvalidFeaturesError(
                f"{name}: attribute {key!r} is {value!r}, expected {kind.__name__}"
            )
