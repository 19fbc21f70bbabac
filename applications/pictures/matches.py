"""A picture of matches: both photographs side by side, joined by coloured lines."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import read_image
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_int
from .overlay import Overlay, opaque, shade
from .palette import position_colors
from .side_by_side import SideBySide, read_points

_LINE = 1 / 520
"""Thickness of a line, as a share of the root of the picture's area."""
_CASING = 0.55
"""How dark the edge of a line is: the photograph shows through it."""
_WHITE = (255, 255, 255, 255)


def draw_matches(
    image_a: ImageLike, image_b: ImageLike, matches: xr.Dataset, *, width: int = 1600
) -> npt.NDArray[np.uint8]:
    """Both images side by side with a line for each match, as uint8 (height, width, 3) RGB.

    The images are scaled to the same height. The colour of a match tells where in image a it
    begins, so that lines can be followed where they cross; the best matches lie on top.

    Raises `ImageError` if an image can't be read; `InvalidFeaturesError` if the matches lack a
    variable, or hold values that are not finite; `OptionError` if the width is not a number of
    pixels from 64 on.

    Parameters
    ----------
    image_a, image_b:
        The images that were matched: paths, PIL images or arrays (height, width[, 3]).
    matches:
        `source_x`, `source_y`, `target_x`, `target_y` in pixels of the upright images, and
        `score`, along `match`, as `to_matches` gives them. Some dozens can be told apart.
    width:
        Of the picture, in pixels. It comes out narrower for tall images, and wider for panoramas.
    """
    check_int("width", width, minimum=64, maximum=20_000)
    a, b = read_image(image_a).pixels, read_image(image_b).pixels
    hint = "draw what to_matches gives"
    source, target, _ = read_points(matches, "score", what="matches", hint=hint)
    layout = SideBySide.of(a.shape, b.shape, width)
    picture = layout.picture(a, b)
    if len(source) == 0:
        return picture
    colors = position_colors(source, a.shape[1], a.shape[0])
    # The last line drawn lies on top: the best one.
    order = np.argsort(matches["score"].values, kind="stable")
    starts, ends = layout.in_a(source), layout.in_b(target)
    return _draw_over(picture, starts[order], ends[order], colors[order])


def _draw_over(
    picture: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.float64],
    ends: npt.NDArray[np.float64],
    colors: npt.NDArray[np.uint8],
) -> npt.NDArray[np.uint8]:
    """The picture under lines and points."""
    height, width = picture.shape[:2]
    overlay = Overlay(height, width)
    unit = max(1.0, (width * height) ** 0.5 * _LINE)
    casing = shade(_CASING)
    for start, end, color in zip(starts, ends, colors, strict=True):
        overlay.line(start, end, casing, 2.6 * unit)
        overlay.line(start, end, opaque(color), unit)
    for places in (starts, ends):
        for place, color in zip(places, colors, strict=True):
            overlay.dot(place, casing, 4.2 * unit)
            overlay.dot(place, _WHITE, 3.2 * unit)
            overlay.dot(place, opaque(color), 2.4 * unit)
    return overlay.over(picture)
