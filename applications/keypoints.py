"""Named points of one image, found in another."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..descriptors import Descriptor
from ..descriptors.errors import OptionError, PointError
from ..descriptors.features.grids import nearest_pixels
from ..descriptors.features.maps import Points, in_image, point_array
from ..descriptors.features.sampling import Interpolation
from ..descriptors.image.masks import MaskLike
from ..matchers import Matcher, SoftArgmax
from .feature_maps import MapOrImage, feature_maps
from .masks import mask_of

NamedPoints: TypeAlias = Points | Mapping[str, tuple[float, float]] | xr.Dataset | Any
"""What `transfer_keypoints` takes; a pandas DataFrame among it."""

_COLUMNS = (("x", "y"), ("source_x", "source_y"))


def transfer_keypoints(
    points: NamedPoints,
    source: MapOrImage,
    target: MapOrImage,
    matcher: Matcher | None = None,
    *,
    descriptor: Descriptor | None = None,
    names: Sequence[str] | None = None,
    source_mask: MaskLike | None = None,
    target_mask: MaskLike | None = None,
    interpolation: Interpolation = "bilinear",
) -> xr.Dataset:
    """Where points of the source lie in the target, and how far off the way back ends.

    Raises `PointError` if a point lies outside the source image, or the points are no pairs of
    numbers; `OptionError` if there are more or fewer names than points, or images without a
    descriptor; and what a descriptor or a matcher raises.

    Args:
        points: Pairs (x, y) in pixels of the upright source image; or a mapping of names to such
            pairs; or a Dataset or DataFrame with `x` and `y` (or `source_x` and `source_y`) and, if
            there are names, `name`.
        source, target: Feature maps out of one `combine`; or images, which `descriptor` describes.
        matcher: `SoftArgmax()` by default, which answers for every point, between the cells too.
        descriptor: What describes images.
        names: Of the points, in their order; those that come with the points by default.
        source_mask, target_mask, interpolation: As a matcher takes them. A point outside the
            source's mask stays unmatched.

    Returns:
        xarray.Dataset: Along `point`, in their order: what the matcher says (`source_x`,
            `source_y`, `target_x`, `target_y` in pixels of the upright images, `score`, `matched`),
            with the coordinate `name` ("" for a point without one), and `round_trip_error`: the
            distance in pixels of the source between the point and where the same matcher leads from
            its place in the target; NaN if one of them has no match, or that place lies outside the
            target. A small error does not prove a match; a large one speaks against it.
    """
    at, names_beside = _read_points(points)
    names = names_beside if names is None else [str(name) for name in names]
    if len(names) != len(at):
        raise OptionError(f"{len(names)} names for {len(at)} points")
    matcher = SoftArgmax() if matcher is None else matcher
    of_source, of_target = feature_maps([source, target], descriptor)
    there = matcher(
        of_source,
        of_target,
        points=at,
        interpolation=interpolation,
        source_mask=source_mask,
        target_mask=target_mask,
    )
    error = np.full(len(at), np.nan)
    places = places_of(there, "target")
    # A matcher may look beyond the border of the target, but not from there.
    size = of_target.attrs["image_height"], of_target.attrs["image_width"]
    inside = there["matched"].values & in_image(places, *size)
    if inside.any():
        back = matcher(
            of_target,
            of_source,
            points=places[inside],
            interpolation=interpolation,
            source_mask=_with_places(target_mask, of_target, places[inside]),
            target_mask=source_mask,
        )
        error[inside] = np.hypot(*(places_of(back, "target") - at[inside]).T)
    about = {
        "units": "pixel",
        "long_name": "distance between the point and where the way there and back ends",
    }
    return there.assign(round_trip_error=("point", error, about)).assign_coords(
        name=("point", np.array(names, dtype=str), {"long_name": "name of the point"})
    )


def places_of(matches: xr.Dataset, side: str) -> npt.NDArray[np.float64]:
    """The points (n, 2), x and y in pixels, of the `source` or the `target` of a list."""
    return np.stack([matches[f"{side}_x"].values, matches[f"{side}_y"].values], axis=1)


def _read_points(points: NamedPoints) -> tuple[npt.NDArray[np.float64], list[str]]:
    """The points, float64 (n, 2), and a name for each."""
    names: Sequence[Any] | None = None
    values: Any = points
    if isinstance(values, Mapping) and not isinstance(values, xr.Dataset):
        names, values = list(values), list(values.values())
    elif isinstance(values, xr.Dataset) or hasattr(values, "columns"):
        # `in` asks a Dataset for its variables and a DataFrame for its columns.
        pair = next((pair for pair in _COLUMNS if all(name in values for name in pair)), None)
        if pair is None:
            raise PointError("the points have neither x and y nor source_x and source_y")
        names = np.asarray(values["name"]).ravel().tolist() if "name" in values else None
        values = np.stack([np.asarray(values[name]).ravel() for name in pair], axis=1)
    at = point_array(values)
    # A DataFrame holds NaN where there is no name.
    return at, [
        "" if name is None or name != name else str(name) for name in names or [""] * len(at)
    ]


def _with_places(
    mask: MaskLike | None, fmap: xr.DataArray, places: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_] | None:
    """The mask with the pixels at these places, which may lie outside, between cells inside."""
    if mask is None:
        return None
    widened = mask_of(fmap.attrs, mask, "target mask")
    x, y = (nearest_pixels(*one) for one in zip(places.T, widened.shape[::-1], strict=True))
    widened[y, x] = True
    return widened
