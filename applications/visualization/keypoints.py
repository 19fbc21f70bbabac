"""A picture of transferred points: both photographs side by side with numbered, coloured points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import read_image
from ...descriptors.errors import InvalidFeaturesError
from ...descriptors.images import ImageLike
from ...descriptors.settings import check_int
from .captions import text_width, write_lines
from .labels import place_labels
from .overlay import Overlay, opaque, shade
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
_WHITE = (255, 255, 255)
_LONGEST_NAME = 24
"""Letters of a name, at most, for names to be listed."""
_LEGEND_ROWS = 4
"""Rows of the list of names, at most, for it to be shown."""

Picture = npt.NDArray[np.uint8]


def draw_keypoints(
    image_a: ImageLike, image_b: ImageLike, keypoints: xr.Dataset, *, width: int = 1600
) -> Picture:
    """Both images side by side with a numbered point for each keypoint, uint8 (height, width, 3).

    The same number and colour mark a point and where it was found. A point without a match is a
    grey ring, in the source alone. Names are listed below if they are short and not too many.

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
    source, target, matched = _read(keypoints)
    layout = SideBySide.of(a.shape, b.shape, width)
    picture = layout.picture(a, b)
    unit = max(1.0, (layout.width * layout.height) ** 0.5 * _UNIT)
    colors = position_colors(source, a.shape[1], a.shape[0])
    colors[~matched] = _GREY
    numbers = [str(number + 1) for number in range(len(source))]
    low = layout.height - 0.5
    picture = _draw_points(
        picture,
        layout.in_a(source),
        numbers,
        colors,
        matched,
        (-0.5, -0.5, layout.width_a - 0.5, low),
        unit,
    )
    picture = _draw_points(
        picture,
        layout.in_b(target[matched]),
        [number for number, one in zip(numbers, matched, strict=True) if one],
        colors[matched],
        matched[matched],
        (layout.left_b - 0.5, -0.5, layout.width - 0.5, low),
        unit,
    )
    names = _names(keypoints)
    return _with_legend(picture, names, colors, unit) if names else picture


def _read(keypoints: xr.Dataset) -> tuple[Any, Any, npt.NDArray[np.bool_]]:
    """Source and target, float64 (point, 2), and which are matched."""
    hint = "draw what transfer_keypoints gives"
    for name in ("source_x", "source_y", "target_x", "target_y", "matched"):
        if name not in keypoints.variables:
            raise InvalidFeaturesError(f"the keypoints have no variable {name!r}", hint=hint)
    matched = np.asarray(keypoints["matched"].values, dtype=bool)
    source, target = (
        np.stack([np.asarray(keypoints[f"{side}_{axis}"].values, float) for axis in "xy"], axis=-1)
        for side in ("source", "target")
    )
    finite = np.isfinite(source).all() and np.isfinite(target[matched]).all()
    if source.ndim != 2 or not finite:
        raise InvalidFeaturesError("the keypoints are not a list of finite points", hint=hint)
    return source, target, matched


def _names(keypoints: xr.Dataset) -> list[str]:
    """The names to list; none if there are none, or they would not be short."""
    if "name" not in keypoints.variables:
        return []
    names = [str(name) for name in keypoints["name"].values]
    short = all(len(name) <= _LONGEST_NAME for name in names)
    return names if short and any(names) else []


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
    sizes = np.array([_badge(number, letters) for number in numbers]).reshape(-1, 2)
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
            overlay.dot(point, opaque(_WHITE), (_DOT + 0.8) * unit)
            overlay.dot(point, opaque(color), _DOT * unit)
        else:
            overlay.ring(point, casing, _DOT * unit, 2.8 * unit)
            overlay.ring(point, opaque(color), _DOT * unit, 1.2 * unit)
    for place, size, color in zip(places, sizes, colors, strict=True):
        _pill(overlay, place, size + unit, casing)
        _pill(overlay, place, size, opaque(color))
    picture = overlay.over(picture)
    for place, number in zip(places, numbers, strict=True):
        picture = _write(picture, number, place, letters)
    return picture


def _badge(number: str, letters: int) -> tuple[float, float]:
    """Width and height of what a number stands on, which is as wide as it is high at least."""
    height = 1.25 * letters
    return max(height, text_width(number, letters) + 0.7 * letters), height


def _pill(overlay: Overlay, place: Any, size: Any, color: tuple[int, ...]) -> None:
    x, y = place
    reach = (size[0] - size[1]) / 2
    overlay.line((x - reach, y), (x + reach, y), color, size[1])


def _write(picture: Picture, text: str, place: Any, letters: int, anchor: str = "m") -> Picture:
    x, y = place
    return write_lines(
        picture, [text], x=x + 0.5, y=y + 0.5, size=letters, anchor=anchor, bold_first=False
    )


def _with_legend(
    picture: Picture, names: Sequence[str], colors: npt.NDArray[np.uint8], unit: float
) -> Picture:
    """The picture above a list of the numbers and names; as it is if that would be too long."""
    letters = round(_LETTERS * unit)
    height, margin = 1.9 * letters, 0.6 * letters
    x, row, entries = margin, 0, []
    for index, name in enumerate(names):
        if not name:
            continue
        wide = _badge(str(index + 1), letters)[0]
        whole = wide + 0.5 * letters + text_width(name, letters)
        if x > margin and x + whole > picture.shape[1] - margin:
            x, row = margin, row + 1
        entries.append((index, name, x, row, wide))
        x += whole + 1.6 * letters
    if row >= _LEGEND_ROWS:
        return picture
    strip = np.full((round((row + 1) * height + margin), picture.shape[1], 3), 255, np.uint8)
    overlay = Overlay(*strip.shape[:2])
    for index, _, x, row, wide in entries:
        at = x + wide / 2, margin / 2 + (row + 0.5) * height
        _pill(overlay, at, (wide, 1.25 * letters), opaque(colors[index]))
    strip = overlay.over(strip)
    for index, name, x, row, wide in entries:
        y = margin / 2 + (row + 0.5) * height
        strip = _write(strip, str(index + 1), (x + wide / 2, y), letters)
        strip = _write(strip, name, (x + wide + 0.5 * letters, y), letters, anchor="l")
    return np.concatenate([picture, strip])
