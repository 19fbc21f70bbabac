"""The schema of feature trees: what the root and the layers say, and how their grids lie.

On plain values, so that a file can be checked without xarray.
"""

import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from ..errors import InvalidFeaturesError
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


Variables: TypeAlias = Mapping[Any, tuple[Sequence[Any], npt.NDArray[Any]]]
"""The dimensions and values of features, y and x, by name."""


def check_features(
    root: Mapping[Any, Any], layers: Mapping[str, tuple[Mapping[Any, Any], Variables]], name: str
) -> None:
    """Raise `InvalidFeaturesError` if attributes and variables break the schema.

    There are all attributes, of their types, and at least one layer of float32 features (channel,
    y, x), all finite, whose coordinates ascend within the image.
    """
    check_attribute_types(root, ROOT_ATTRIBUTES, name)
    if not layers:
        raise InvalidFeaturesError(f"{name} holds no layer")
    for path, (attributes, variables) in layers.items():
        _check_layer(attributes, path, f"layer {path} of {name}")
        check_grid(variables, f"layer {path} of {name}", root)


def _check_layer(attributes: Mapping[Any, Any], path: str, name: str) -> None:
    check_attribute_types(attributes, LAYER_ATTRIBUTES, name)
    if f"{attributes['source']}/{attributes['layer']}" != path:
        raise InvalidFeaturesError(f"{name} calls itself something else in its attributes")
    optional = {key: kind for key, kind in OPTIONAL_ATTRIBUTES.items() if key in attributes}
    check_attribute_types(attributes, optional, name)
    if attributes.get("components", 1) < 1:
        raise InvalidFeaturesError(f"{name}: components is {attributes['components']}, below 1")
    resampling = attributes.get("resampling", "cascade")
    if resampling not in get_args(Resampling):
        raise InvalidFeaturesError(
            f"{name}: resampling is {reprlib.repr(resampling)}, which this version of descr does "
            "not know",
            hint="use the version that wrote it, or extract it again",
        )
    if not (math.isfinite(attributes["weight"]) and attributes["weight"] >= 0):
        raise InvalidFeaturesError(f"{name}: weight is {attributes['weight']!r}")
    try:
        settings = json.loads(attributes["settings"])
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise InvalidFeaturesError(f"{name}: settings is not a JSON object")


def check_grid(variables: Variables, name: str, image: Mapping[Any, Any]) -> None:
    """Raise `InvalidFeaturesError` unless it is a finite float32 (channel, y, x) on an image."""
    if "features" not in variables:
        raise InvalidFeaturesError(f"{name} has no variable 'features'")
    dimensions, values = variables["features"]
    if tuple(dimensions) != ("channel", "y", "x"):
        raise InvalidFeaturesError(
            f"{name} has the dimensions {dimensions}, expected ('channel', 'y', 'x')"
        )
    if values.dtype != np.float32:
        raise InvalidFeaturesError(f"{name} has type {values.dtype}, expected float32")
    if values.size == 0:
        raise InvalidFeaturesError(f"{name} is empty: its shape is {values.shape}")
    for axis, side, size in zip("yx", ("height", "width"), values.shape[1:], strict=True):
        dimensions, centres = variables.get(axis, ((), values))
        if tuple(dimensions) != (axis,) or len(centres) != size:
            raise InvalidFeaturesError(f"{name} has no coordinate {axis!r} of {size} cells")
        check_centres(centres, f"{name}: its {axis}", image[f"image_{side}"])
    # Along an axis without a stride all values are one, as in an array that is not read.
    distinct = values[tuple(slice(None if stride else 1) for stride in values.strides)]
    if not np.isfinite(distinct).all():
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
                f"{name}: attribute {key!r} is {reprlib.repr(value)}, expected {kind.__name__}"
            )
