"""The feature tree: all layers of one image as the networks gave them, and what makes it valid."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..errors import InvalidFeaturesError, OptionError
from ..image.reading import Image
from ..layer import Resampling
from . import accessors as accessors  # who has a map or a tree has these
from .schema import LAYER_ATTRIBUTES, SCHEMA, Variables, check_features


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


def label_map(
    values: Any,
    y: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
    attrs: Mapping[str, Any],
    sources: Sequence[str],
    layers: Sequence[str],
) -> xr.DataArray:
    """The feature map of values (channel, y, x), which may be ones that are not read yet."""
    labels = {
        name: ("channel", list(of_channels))
        for name, of_channels in (("source", sources), ("layer", layers))
        if len(of_channels) == len(values)
    }
    return xr.DataArray(
        values,
        dims=("channel", "y", "x"),
        coords={**grid_coordinates(y, x), **labels},
        attrs=attrs,
        name="features",
    )


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
    """Raise `InvalidFeaturesError` if the tree breaks the schema: see `check_features`."""
    if not isinstance(tree, xr.DataTree):
        raise InvalidFeaturesError(f"{name} is a {type(tree).__name__}, not an xarray.DataTree")
    layers = {path: (node.attrs, variables(node)) for path, node in tree_layers(tree).items()}
    check_features(tree.attrs, layers, name)


def variables(layer: xr.Dataset) -> Variables:
    """Those of a layer as `check_grid` takes them."""
    return {name: (one.dims, one.values) for name, one in layer.variables.items()}
