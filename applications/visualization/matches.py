"""A picture of matches: both photographs side by side, joined by coloured lines."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import read_image
from ...descriptors.errors import InvalidFeaturesError
from ...descriptors.images import ImageLike
from ...descriptors.settings import check_int
from .palette import position_colors

_GAP = 0.004
"""Space between the photographs, as a share of the width."""
_LINE = 1 / 520
"""Thickness of a line, as a share of the root of the picture's area."""
_CASING = 0.55
"""How dark the edge of a line is: the photograph shows through it."""
_TALLEST = 1.25
"""Height of the picture, at most, as a share of the width that was asked for."""
_LOWEST = 160
"""Height of the picture, at least: panoramas make it wider than was asked for."""
_WIDEST = 4
"""Width of the picture, at most, as a multiple of the width that was asked for."""
_SUPERSAMPLING = 2
_SHIFT = 4
"""Binary digits after the point of the coordinates that OpenCV draws at."""


def draw_matches(
    image_a: ImageLike, image_b: ImageLike, matches: xr.Dataset, *, width: int = 1600
) -> npt.NDArray[np.uint8]:
    """Both images side by side with a line for each match, as uint8 (height, width, 3) RGB.

    The images are scaled to the same height. The colour of a match tells where in image a it
    begins, so that lines can be followed where they cross; the best matches lie on top.

    Parameters
    ----------
    image_a, image_b:
        The images that were matched: paths, PIL images or arrays (height, width[, 3]).
    matches:
        `source_x`, `source_y`, `target_x`, `target_y` in pixels of the upright images, and
        `score`, along `match`, as `to_matches` gives them. Some dozens can be told apart.
    width:
        Of the picture, in pixels. It comes out narrower for tall images, and wider for panoramas.

    Raises
    ------
    ImageError
        An image can't be read.
    InvalidFeaturesError
        The matches lack a variable, or hold values that are not finite.
    OptionError
        The width is not a number of pixels from 64 on.
    """
    check_int("width", width, minimum=64, maximum=20_000)
    a, b = read_image(image_a).pixels, read_image(image_b).pixels
    source = _coordinates(matches, "source")
    target = _coordinates(matches, "target")
    layout = _Layout.of(a.shape[:2], b.shape[:2], width)
    picture = np.full((layout.height, layout.width, 3), 255, dtype=np.uint8)
    picture[:, : layout.width_a] = _resized(a, layout.width_a, layout.height)
    picture[:, layout.left_b :] = _resized(b, layout.width_b, layout.height)
    if len(source) == 0:
        return picture
    colors = position_colors(source, a.shape[1], a.shape[0])
    # The last line drawn lies on top: the best one.
    order = np.argsort(matches["score"].values, kind="stable")
    starts = _scaled(source, a.shape, layout.width_a, layout.height)
    ends = _scaled(target, b.shape, layout.width_b, layout.height)
    ends[:, 0] += layout.left_b
    return _draw_over(picture, starts[order], ends[order], colors[order])


@dataclass(frozen=True)
class _Layout:
    """Where the two photographs lie in the picture, in pixels."""

    height: int
    width_a: int
    width_b: int
    gap: int

    @property
    def width(self) -> int:
        return self.width_a + self.gap + self.width_b

    @property
    def left_b(self) -> int:
        return self.width_a + self.gap

    @classmethod
    def of(cls, a: tuple[int, ...], b: tuple[int, ...], width: int) -> "_Layout":
        gap = max(2, round(width * _GAP))
        aspects = a[1] / a[0], b[1] / b[0]
        fitting = (width - gap) / sum(aspects)
        height = min(max(fitting, _LOWEST), _WIDEST * fitting, width * _TALLEST)
        widths = [max(1, round(height * aspect)) for aspect in aspects]
        return cls(max(1, round(height)), widths[0], widths[1], gap)


def _coordinates(matches: xr.Dataset, side: str) -> npt.NDArray[np.float64]:
    """The points of one side, float64 (match, 2)."""
    names = (f"{side}_x", f"{side}_y")
    for name in (*names, "score"):
        if name not in matches:
            raise InvalidFeaturesError(
                f"the matches have no variable {name!r}", hint="draw what to_matches(found) gives"
            )
    points = np.stack([np.asarray(matches[name].values, dtype=float) for name in names], axis=-1)
    if points.ndim != 2 or not np.isfinite(points).all():
        raise InvalidFeaturesError(
            "the matches are not a list of finite points", hint="draw what to_matches(found) gives"
        )
    return points


def _resized(pixels: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[Any]:
    shrinks = width * height < pixels.shape[0] * pixels.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method))


def _scaled(
    points: npt.NDArray[np.float64], shape: tuple[int, ...], width: int, height: int
) -> npt.NDArray[np.float64]:
    """Points of an image of this shape, in pixels of its scaled copy."""
    scale = np.array([width / shape[1], height / shape[0]])
    scaled: npt.NDArray[np.float64] = (points + 0.5) * scale - 0.5
    return scaled


def _draw_over(
    picture: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.float64],
    ends: npt.NDArray[np.float64],
    colors: npt.NDArray[np.uint8],
) -> npt.NDArray[np.uint8]:
    """The picture under lines and points.

    They are drawn on a transparent sheet of twice the size, whose colours are multiplied by its
    alpha, so that smoothed edges mix rightly; the sheet is then shrunk onto the picture.
    """
    height, width = picture.shape[:2]
    sheet = np.zeros((height * _SUPERSAMPLING, width * _SUPERSAMPLING, 4), dtype=np.uint8)
    unit = max(1.0, (width * height) ** 0.5 * _LINE) * _SUPERSAMPLING
    casing = (0, 0, 0, round(255 * _CASING))
    starts, ends = _on_sheet(starts), _on_sheet(ends)
    for start, end, color in zip(starts, ends, colors, strict=True):
        _line(sheet, start, end, casing, 2.6 * unit)
        _line(sheet, start, end, (*map(int, color), 255), unit)
    for places in (starts, ends):
        for place, color in zip(places, colors, strict=True):
            _dot(sheet, place, casing, 4.2 * unit)
            _dot(sheet, place, (255, 255, 255, 255), 3.2 * unit)
            _dot(sheet, place, (*map(int, color), 255), 2.4 * unit)
    small = cv2.resize(sheet, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    mixed = small[:, :, :3] + picture * (1 - small[:, :, 3:] / 255)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def _on_sheet(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return (points + 0.5) * _SUPERSAMPLING - 0.5


def _line(sheet: Any, start: Any, end: Any, color: tuple[int, ...], thickness: float) -> None:
    cv2.line(
        sheet, _fixed(start), _fixed(end), color, max(1, round(thickness)), cv2.LINE_AA, _SHIFT
    )


def _dot(sheet: Any, place: Any, color: tuple[int, ...], radius: float) -> None:
    fixed = round(radius * (1 << _SHIFT))
    cv2.circle(sheet, _fixed(place), fixed, color, cv2.FILLED, cv2.LINE_AA, _SHIFT)


def _fixed(place: Any) -> tuple[int, int]:
    x, y = (round(float(value) * (1 << _SHIFT)) for value in place)
    return x, y
