"""A picture of transferred points: both photographs side by side with numbered, coloured points."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import read_image
from ...descriptors.errors import InvalidFeaturesError
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_int
from .captions import write_texts
from .labels import place_labels
from .legend import badge_size, draw_badge, with_legend
from .overlay import Overlay, opaque, shade
from .painting import Picture
from .palette import position_colors
from .side_by_side import SideBySide

_UNIT = 1 / 520
"""What all lengths are measured in, as a share of the root of the picture's area."""
_LETTERS = 10.5
"""Size of the numbers, in units."""
_DOT = 3.6
"""Radius of a point, in units."""
_GREY = (176, 176, 176)
"""The colour of a point without a match."""


def draw_keypoints(
    image_a: ImageLike, image_b: ImageLike, keypoints: xr.Dataset, *, width: int = 1600
) -> Picture:
    """Both images side by side with a numbered point for each keypoint, uint8 (height, width, 3).

    The same number and colour mark a point and where it was found. A point without a match is a
    grey ring, in the source alone. Names are listed below.

    Parameters
    ----------
    image_a, image_b:
        The images: paths, PIL images or arrays (height, width[, 3]).
    keypoints:
        Along `point`: `source_x`, `source_y`, `target_x`, `target_y` in pixels of the upright
        images, `matched`, and `name` if there are names, as `transfer_keypoints` gives them.
    width:
        Of the picture, in pixels. It comes out narrower for tall images, and wider for panoramas.

    Raises
    ------
    ImageError
        An image can't be read.
    InvalidFeaturesError
        The keypoints lack a variable, or hold values that are not finite.
    OptionError
        The width is not a number of pixels from 64 on.
    """
    check_int("width", width, minimum=64, maximum=20_000)
    a, b = read_image(image_a).pixels, read_image(image_b).pixels
    hint = "draw what transfer_keypoints gives"
    source, target, matched = read_points(keypoints, "matched", what="keypoints", hint=hint)
    layout = SideBySide.of(a.shape, b.shape, width)
    picture = layout.picture(a, b)
    unit = max(1.0, (layout.width * layout.height) ** 0.5 * _UNIT)
    colors = position_colors(source, a.shape[1], a.shape[0])
    colors[~matched] = _GREY
    left, right, low = layout.width_a - 0.5, layout.left_b - 0.5, layout.height - 0.5
    for points, which, bounds in (
        (layout.in_a(source), np.arange(len(source)), (-0.5, -0.5, left, low)),
        (
            layout.in_b(target[matched]),
            matched.nonzero()[0],
            (right, -0.5, layout.width - 0.5, low),
        ),
    ):
        numbers = [str(number + 1) for number in which]
        picture = _draw_points(
            picture, points, numbers, colors[which], matched[which], bounds, unit
        )
    names = enumerate(keypoints["name"].values if "name" in keypoints.variables else [])
    listed = [(str(place + 1), colors[place], str(name)) for place, name in names if name]
    return with_legend(picture, listed, round(_LETTERS * unit)) if listed else picture


def read_points(
    points: xr.Dataset, other: str, *, what: str, hint: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Source and target, (n, 2), and which are matched: all, where `points` doesn't say.

    Raises `InvalidFeaturesError` if a coordinate or the variable `other` is missing, or a
    coordinate of a match is not finite.
    """
    names = [f"{side}_{axis}" for side in ("source", "target") for axis in "xy"]
    for name in (*names, other):
        if name not in points.variables:
            raise InvalidFeaturesError(f"the {what} have no variable {name!r}", hint=hint)
    values = np.stack([np.asarray(points[name].values, float) for name in names], axis=-1)
    matched = np.ones(values.shape[:-1], dtype=bool)
    if "matched" in points.variables:
        matched = np.asarray(points["matched"].values, dtype=bool)
    source, target = values[..., :2], values[..., 2:]
    finite = np.isfinite(source).all() and np.isfinite(target[matched]).all()
    if source.ndim != 2 or not finite:
        raise InvalidFeaturesError(f"the {what} are not a list of finite points", hint=hint)
    return source, target, matched


def _draw_points(
    picture: Picture,
    points: npt.NDArray[np.float64],
    numbers: Sequence[str],
    colors: npt.NDArray[np.uint8],
    filled: npt.NDArray[np.bool_],
    bounds: tuple[float, float, float, float],
    unit: float,
) -> Picture:
    """The picture with points and their numbers, which keep within the bounds where they can."""
    letters = round(_LETTERS * unit)
    sizes = np.array([badge_size(number, letters) for number in numbers]).reshape(-1, 2)
    casing = shade(0.55)
    overlay = Overlay(*picture.shape[:2])
    places = place_labels(points, sizes, bounds, radius=(_DOT + 1.6) * unit)
    for point, place, color, full in zip(points, places, colors, filled, strict=True):
        # A ring is left hollow.
        reach = 0 if full else _DOT * unit / max(float(np.hypot(*(place - point))), 1e-9)
        start = point + reach * (place - point)
        overlay.line(start, place, casing, 2.6 * unit)
        overlay.line(start, place, opaque(color), 1.2 * unit)
    for point, color, full in zip(points, colors, filled, strict=True):
        if full:
            overlay.dot(point, casing, (_DOT + 1.6) * unit)
            overlay.dot(point, opaque((255, 255, 255)), (_DOT + 0.8) * unit)
            overlay.dot(point, opaque(color), _DOT * unit)
        else:
            overlay.ring(point, casing, _DOT * unit, 2.8 * unit)
            overlay.ring(point, opaque(color), _DOT * unit, 1.2 * unit)
    for place, size, color in zip(places, sizes, colors, strict=True):
        draw_badge(overlay, place, size + unit, casing)
        draw_badge(overlay, place, size, opaque(color))
    texts = [(number, x, y) for number, (x, y) in zip(numbers, places + 0.5, strict=True)]
    return write_texts(overlay.over(picture), texts, size=letters, anchor="m")
