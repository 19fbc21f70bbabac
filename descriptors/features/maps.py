"""Feature maps: what makes one valid, and two of them comparable."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from ..errors import IncomparableFeaturesError, InvalidFeaturesError, PointError
from .grids import Grid
from .schema import check_grid
from .tree import label_map, variables

Points: TypeAlias = Iterable[tuple[float, float]] | npt.NDArray[Any]

_REQUIRED = ("image_name", "image_height", "image_width", "basis")
_OF_THE_IMAGE = ("image_name", "image_height", "image_width", "image_sha256", "descriptor")


def build_map(
    features: torch.Tensor,
    grid: Grid,
    attrs: Mapping[str, Any],
    sources: Sequence[str] = (),
    layers: Sequence[str] = (),
) -> xr.DataArray:
    """The feature map (channel, y, x) of unit cells, with its `attrs`, labelled.

    `sources` and `layers` name where each channel is from, if that is known.
    """
    return label_map(features.numpy(), grid.y, grid.x, attrs, sources, layers)


def map_attributes(image: Mapping[Any, Any], basis: str) -> dict[str, Any]:
    """The attributes of a feature map, out of those of its image and the identity of its basis."""
    return {**{key: image[key] for key in _OF_THE_IMAGE}, "basis": basis}


def check_map(fmap: xr.DataArray, name: str = "feature map") -> None:
    """Raise `InvalidFeaturesError` unless it is a finite float32 map (channel, y, x)."""
    if not isinstance(fmap, xr.DataArray):
        raise InvalidFeaturesError(
            f"{name} is a {type(fmap).__name__}, not an xarray.DataArray",
            hint="feature maps come from combine(trees) or from calling a descriptor",
        )
    check_attributes(fmap.attrs, name)
    check_grid(variables(fmap.to_dataset(name="features")), name, fmap.attrs)


def check_attributes(attrs: Mapping[Any, Any], name: str) -> None:
    """Raise `InvalidFeaturesError` unless these say which image a map is of, and its basis."""
    for attribute in _REQUIRED:
        if attribute not in attrs:
            raise InvalidFeaturesError(f"{name} has no attribute {attribute!r}")


class Labelled(Protocol):
    """What both forms of a feature map have: the attributes."""

    @property
    def attrs(self) -> Any:
        """Of the image, and `basis`."""


def check_comparable(first: Labelled, second: Labelled) -> None:
    """Raise `IncomparableFeaturesError` unless cosines between the two maps mean something."""
    names = f"{first.attrs['image_name']} and {second.attrs['image_name']}"
    if first.attrs["basis"] != second.attrs["basis"]:
        raise IncomparableFeaturesError(
            f"the maps of {names} have different bases",
            hint="combine the feature trees of both images in one call of combine",
        )
    if _channels(first) != _channels(second):
        raise IncomparableFeaturesError(
            f"the maps of {names} have different channels",
            hint="take the same sources and layers of both",
        )


def _channels(fmap: Any) -> list[object]:
    """What is known of each channel: how many there are, and their labels where there are any."""
    if isinstance(fmap, xr.DataArray):
        labels = [fmap[name].values.tolist() for name in ("source", "layer") if name in fmap.coords]
        return [fmap.sizes["channel"], *labels]
    return [len(fmap.features), *(list(one) for one in (fmap.sources, fmap.layers) if len(one))]


def in_image(points: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.bool_]:
    """Which points (n, 2), each (x, y), lie in an image of this size: within its outer pixels."""
    far = np.array([width, height]) - 0.5
    return np.asarray(((points >= -0.5) & (points <= far)).all(axis=1))


def point_array(points: Points) -> npt.NDArray[np.float64]:
    """The points as float64 (n, 2); `PointError` for what is no list of pairs of numbers."""
    try:
        values = np.array(points if isinstance(points, np.ndarray) else list(points), dtype=float)
    except (TypeError, ValueError):
        raise PointError("points must be pairs of numbers (x, y)") from None
    if values.ndim != 2 or values.shape[1] != 2 or values.shape[0] == 0:
        raise PointError(
            f"points have the shape {values.shape}, expected (n, 2) with at least one (x, y)"
        )
    return values


def check_points(points: Points, fmap: Labelled) -> npt.NDArray[np.float64]:
    """The points as float64 (n, 2), each (x, y) in pixels of the map's image.

    Raises `PointError` as `point_array`, and for a point outside the image, which spans -0.5 to
    width - 0.5 and -0.5 to height - 0.5.
    """
    values = point_array(points)
    width, height = fmap.attrs["image_width"], fmap.attrs["image_height"]
    inside = in_image(values, height, width)
    if not inside.all():
        x, y = values[np.flatnonzero(~inside)[0]]
        raise PointError(
            f"the point ({x:g}, {y:g}) lies outside {fmap.attrs['image_name']}, "
            f"which is {width} x {height} pixels",
            hint="points are x,y with 0,0 at the centre of the top-left pixel",
        )
    return values
