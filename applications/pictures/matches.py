"""A picture of matches: both photographs side by side, joined by coloured lines."""

import numpy as np
import xarray as xr

from ...descriptors.image.reading import ImageLike
from .overlay import Overlay, opaque, shade
from .painting import Picture
from .palette import position_colors
from .side_by_side import SideBySide, read_points

_LINE = 1 / 520  # thickness of a line, as a share of the root of the picture's area
_CASING = 0.55  # how dark the edge of a line is: the photograph shows through it
_WHITE = (255, 255, 255, 255)


def draw_matches(
    image_a: ImageLike, image_b: ImageLike, matches: xr.Dataset, *, width: int = 1600
) -> Picture:
    """Both images side by side with a line for each match, as uint8 (height, width, 3) RGB.

    The colour of a match tells where in image a it begins, so that lines can be followed where they
    cross; the best matches lie on top. The picture is about `width` pixels wide: less for tall
    images, and more for panoramas.

    `matches` hold `source_x`, `source_y`, `target_x`, `target_y` in pixels of the upright images,
    and `score`, along `match`, as `to_matches` gives them. Some dozens can be told apart. Raises
    `ImageError` if an image can't be read; `InvalidFeaturesError` if the matches lack a variable,
    or hold values that are not finite; `OptionError` for a width that is not from 64 on.
    """
    layout, picture = SideBySide.draw(image_a, image_b, width)
    hint = "draw what to_matches gives"
    source, target, _ = read_points(matches, "score", what="matches", hint=hint)
    if len(source) == 0:
        return picture
    colors = position_colors(source, *layout.shape_a[::-1])
    # The last line drawn lies on top: the best one.
    order = np.argsort(matches["score"].values, kind="stable")
    starts, ends, colors = layout.in_a(source)[order], layout.in_b(target)[order], colors[order]
    overlay = Overlay(layout.height, layout.width)
    unit = max(1.0, (layout.width * layout.height) ** 0.5 * _LINE)
    casing = shade(_CASING)
    for start, end, color in zip(starts, ends, colors, strict=True):
        overlay.line(start, end, casing, 2.6 * unit)
        overlay.line(start, end, opaque(color), unit)
    for places in (starts, ends):
        for place, color in zip(places, colors, strict=True):
            overlay.circle(place, casing, 4.2 * unit)
            overlay.circle(place, _WHITE, 3.2 * unit)
            overlay.circle(place, opaque(color), 2.4 * unit)
    return overlay.over(picture)
