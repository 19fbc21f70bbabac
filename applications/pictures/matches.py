"""Two photographs side by side at one height, and a picture of matches that joins them by lines."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import read_image
from ...descriptors.errors import InvalidFeaturesError
from ...descriptors.image.reading import ImageLike
from .canvas import Canvas, Drawing
from .painting import Picture, View, check_width, resize_photograph
from .palette import position_colors

_GAP = 0.004  # space between the photographs, as a share of the width
_TALLEST = 1.25  # height of the picture, at most, as a share of the width that was asked for
_LOWEST = 160  # height of the picture, at least: panoramas make it wider than was asked for
_WIDEST = 4  # width of the picture, at most, as a multiple of the width that was asked for
_LINE = 1 / 520  # thickness of a line, as a share of the root of the picture's area
CASING = 0.55  # how dark the edge of a line is: the photograph shows through it
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
_REJECTED = 90  # a grey, which is no colour of a place

Points = npt.NDArray[np.float64]
"""(n, 2), x and y in pixels."""


@dataclass(frozen=True)
class SideBySide:
    """Where two photographs lie in a picture, in pixels: at the left and right end of it.

    `width_a` and `width_b` are their widths there, with `gap` between them; `shape_a` and
    `shape_b` are height and width of the photographs themselves.
    """

    height: int
    width_a: int
    width_b: int
    gap: int
    shape_a: tuple[int, int]
    shape_b: tuple[int, int]

    @property
    def width(self) -> int:
        """Of the picture."""
        return self.width_a + self.gap + self.width_b

    @property
    def left_b(self) -> int:
        """The first column of the photograph at the right."""
        return self.width_a + self.gap

    @classmethod
    def of(cls, a: tuple[int, ...], b: tuple[int, ...], width: int) -> "SideBySide":
        """The layout for photographs of these shapes in a picture about `width` pixels wide.

        It comes out narrower for tall photographs, and wider for panoramas.
        """
        gap = max(2, round(width * _GAP))
        aspects = a[1] / a[0], b[1] / b[0]
        fitting = (width - gap) / sum(aspects)
        height = min(max(fitting, _LOWEST), _WIDEST * fitting, width * _TALLEST)
        widths = [max(1, round(height * aspect)) for aspect in aspects]
        return cls(max(1, round(height)), widths[0], widths[1], gap, (a[0], a[1]), (b[0], b[1]))

    @classmethod
    def draw(
        cls, image_a: ImageLike, image_b: ImageLike, width: int
    ) -> tuple["SideBySide", Picture]:
        """The layout of two photographs, and the picture of both in it.

        Raises `ImageError` if one can't be read, and `OptionError` for what is no width.
        """
        check_width(width)
        a, b = read_image(image_a).pixels, read_image(image_b).pixels
        layout = cls.of(a.shape, b.shape, width)
        return layout, layout.join(partial(resize_photograph, a), partial(resize_photograph, b))

    def join(self, view_a: View, view_b: View) -> Picture:
        """A picture of two views with white between them, uint8 (height, width, 3) RGB."""
        picture = np.full((self.height, self.width, 3), 255, dtype=np.uint8)
        picture[:, : self.width_a] = view_a(self.height, self.width_a)
        picture[:, self.left_b :] = view_b(self.height, self.width_b)
        return picture

    def in_a(self, points: Points) -> Points:
        """Points (n, 2) of the photograph at the left, in pixels of the picture."""
        scale = self.width_a / self.shape_a[1], self.height / self.shape_a[0]
        return np.asarray((points + 0.5) * scale - 0.5)

    def in_b(self, points: Points) -> Points:
        """Points (n, 2) of the photograph at the right, in pixels of the picture."""
        scale = self.width_b / self.shape_b[1], self.height / self.shape_b[0]
        return np.asarray((points + 0.5) * scale - 0.5 + [self.left_b, 0])


def read_points(
    points: xr.Dataset, other: str, what: str, origin: str
) -> tuple[Points, Points, npt.NDArray[np.bool_]]:
    """Source and target, (n, 2), and which are matched: all, where `points` doesn't say.

    Raises `InvalidFeaturesError` if a coordinate or the variable `other` is missing, or a
    coordinate of a match is not finite; `what` and `origin` are what it calls points and their
    function.
    """
    hint = f"draw what {origin} gives"
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


def draw_matches(
    image_a: ImageLike, image_b: ImageLike, matches: xr.Dataset, *, width: int = 1600
) -> Drawing:
    """Both images side by side with a line for each match.

    The colour of a match tells where in image a it begins, so that lines can be followed where they
    cross; the best matches lie on top. The picture is about `width` pixels wide: less for tall
    images, and more for panoramas.

    `matches` hold `source_x`, `source_y`, `target_x`, `target_y` in pixels of the upright images,
    and `score`, along `match`, as `to_matches` gives them. Some dozens can be told apart. Raises
    `ImageError` if an image can't be read; `InvalidFeaturesError` if the matches lack a variable,
    or hold values that are not finite; `OptionError` for a width that is not from 64 on.
    """
    layout, picture = SideBySide.draw(image_a, image_b, width)
    source, target, _ = read_points(matches, "score", "matches", "to_matches")
    colors = position_colors(source, *layout.shape_a[::-1])
    inlier = np.ones(len(source), dtype=bool)
    if "inlier" in matches:
        inlier = np.asarray(matches["inlier"].values, dtype=bool)
    colors[~inlier] = _REJECTED
    # The last line drawn lies on top: the best one.
    order = np.lexsort((matches["score"].values, inlier))
    starts, ends, colors = layout.in_a(source)[order], layout.in_b(target)[order], colors[order]
    canvas = Canvas(picture, [], [])
    unit = max(1.0, (layout.width * layout.height) ** 0.5 * _LINE)
    for start, end, color in zip(starts, ends, colors, strict=True):
        canvas.line(start, end, BLACK, 2.6 * unit, CASING)
        canvas.line(start, end, color, unit)
    for places in (starts, ends):
        for place, color in zip(places, colors, strict=True):
            canvas.circle(place, BLACK, 4.2 * unit, opacity=CASING)
            canvas.circle(place, WHITE, 3.2 * unit)
            canvas.circle(place, color, 2.4 * unit)
    return canvas.finish()
