"""Two photographs side by side at one height, and where points of both come to lie."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...descriptors import read_image
from ...descriptors.errors import InvalidFeaturesError
from ...descriptors.image.reading import ImageLike
from .overlay import check_width, resize_photograph
from .painting import Picture, View

_GAP = 0.004  # space between the photographs, as a share of the width
_TALLEST = 1.25  # height of the picture, at most, as a share of the width that was asked for
_LOWEST = 160  # height of the picture, at least: panoramas make it wider than was asked for
_WIDEST = 4  # width of the picture, at most, as a multiple of the width that was asked for

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
    points: xr.Dataset, other: str, *, what: str, hint: str
) -> tuple[Points, Points, npt.NDArray[np.bool_]]:
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
