"""Two photographs in one picture, beside each other or one above the other, and points on them."""

from dataclasses import dataclass
from functools import partial
from math import log

import numpy as np
import numpy.typing as npt

from ...descriptors import read_image
from ...descriptors.image.masks import MaskLike, read_mask
from ...descriptors.image.reading import ImageLike
from ...descriptors.settings import check_choice
from .canvas import Canvas
from .letters import fitting, text_size
from .painting import View, check_width, cut_out, resize_photograph

AUTO, BESIDE, STACKED = LAYOUTS = "auto", "beside", "stacked"

_GAP = 0.004  # space between the photographs, as a share of the width
_TALLEST = 1.25  # height of the picture, at most, as a share of the width that was asked for
_LOWEST = 160  # height of photographs, at least: panoramas make it wider than was asked for
_WIDEST = 4  # width of the picture, at most, as a multiple of the width that was asked for
_BEST = 1.6  # the width of a picture, as a multiple of its height, that `auto` comes near to
_DIM = 0.75  # how much of a photograph outside its mask gives way to light grey

Points = npt.NDArray[np.float64]
"""(n, 2), x and y in pixels."""


@dataclass(frozen=True)
class PairLayout:
    """Where two photographs lie in a picture, in pixels.

    `size_a` and `size_b` are their height and width there, `shape_a` and `shape_b` those of the
    photographs themselves. `gap` lies between them, `header` above them for titles; the title of
    the second lies below where they are stacked.
    """

    size_a: tuple[int, int]
    size_b: tuple[int, int]
    shape_a: tuple[int, int]
    shape_b: tuple[int, int]
    gap: int
    header: int
    stacked: bool

    @property
    def width(self) -> int:
        """Of the picture."""
        wide = self.size_a[1], self.size_b[1]
        return max(wide) if self.stacked else sum(wide) + self.gap

    @property
    def height(self) -> int:
        """Of the picture."""
        return self.corner_b[1] + self.size_b[0] + self.stacked * self.header

    @property
    def corner_b(self) -> tuple[int, int]:
        """X and y of the first pixel of the second photograph; the first has 0 and `header`."""
        if self.stacked:
            return 0, self.header + self.size_a[0] + self.gap
        return self.size_a[1] + self.gap, self.header

    @classmethod
    def of(
        cls,
        a: tuple[int, ...],
        b: tuple[int, ...],
        width: int,
        layout: str = BESIDE,
        *,
        titles: bool = False,
    ) -> "PairLayout":
        """The layout for photographs of these shapes in a picture about `width` pixels wide.

        It comes out narrower for tall photographs, and wider for panoramas beside each other.
        Raises `OptionError` for a layout that is none.
        """
        check_choice("layout", layout, LAYOUTS)
        gap = max(2, round(width * _GAP))
        header = round(1.9 * text_size(width)) if titles else 0
        aspects = a[1] / a[0], b[1] / b[0]
        # How wide both are for a height of 1, and how high for a width of 1.
        across, down = sum(aspects), sum(1 / aspect for aspect in aspects)
        if layout == AUTO:
            stacked = abs(log(1 / down / _BEST)) < abs(log(across / _BEST))
        else:
            stacked = layout == STACKED
        if stacked:
            side = max(1.0, min(width, (width * _TALLEST - gap) / down))
            sizes = [(max(1, round(side / aspect)), max(1, round(side))) for aspect in aspects]
        else:
            fitting_height = (width - gap) / across
            side = min(max(fitting_height, _LOWEST), _WIDEST * fitting_height, width * _TALLEST)
            sizes = [(max(1, round(side)), max(1, round(side * aspect))) for aspect in aspects]
        return cls(sizes[0], sizes[1], (a[0], a[1]), (b[0], b[1]), gap, header, stacked)

    def join(self, view_a: View, view_b: View) -> Canvas:
        """Two views with white between them."""
        canvas = Canvas.blank(self.height, self.width)
        canvas.put(view_a(*self.size_a), 0, self.header)
        canvas.put(view_b(*self.size_b), *self.corner_b)
        return canvas

    def in_a(self, points: Points) -> Points:
        """Points (n, 2) of the first photograph, in pixels of the picture."""
        return _moved(points, self.size_a, self.shape_a, (0, self.header))

    def in_b(self, points: Points) -> Points:
        """Points (n, 2) of the second photograph, in pixels of the picture."""
        return _moved(points, self.size_b, self.shape_b, self.corner_b)


def draw_pair(
    image_a: ImageLike,
    image_b: ImageLike,
    *,
    width: int,
    layout: str,
    masks: tuple[MaskLike | None, MaskLike | None],
    titles: bool,
) -> tuple[PairLayout, Canvas]:
    """The layout of two photographs, and both in it, dimmed outside masks.

    Titles call them source and target. Raises `ImageError` for an image or a mask that can't be
    read, and `OptionError` for what is no width and no layout.
    """
    check_width(width)
    images = [read_image(image_a), read_image(image_b)]
    views = []
    for image, mask in zip(images, masks, strict=True):
        view: View = partial(resize_photograph, image.pixels)
        if mask is not None:
            name = f"the mask of {image.name}"
            inside = read_mask(mask, height=image.height, width=image.width, name=name)
            view = partial(_dimmed, view, inside)
        views.append(view)
    a, b = (image.pixels.shape for image in images)
    place = PairLayout.of(a, b, width, layout, titles=titles)
    canvas = place.join(*views)
    if titles:
        letters = text_size(width)
        (left, top), (tall, wide) = place.corner_b, place.size_b
        low = top + tall if place.stacked else 0
        for side, image, middle, above, room in (
            ("source", images[0], place.size_a[1] / 2, 0, place.size_a[1]),
            ("target", images[1], left + wide / 2, low, wide),
        ):
            title = fitting(f"{side}: {image.name}", letters, room)
            canvas.write([(title, middle, above + place.header / 2)], size=letters, anchor="m")
    return place, canvas


def _dimmed(
    view: View, mask: npt.NDArray[np.bool_], height: int, width: int
) -> npt.NDArray[np.uint8]:
    return cut_out(view(height, width), mask, _DIM)


def _moved(
    points: Points, size: tuple[int, int], shape: tuple[int, int], corner: tuple[int, int]
) -> Points:
    scale = size[1] / shape[1], size[0] / shape[0]
    return np.asarray((points + 0.5) * scale - 0.5 + corner)
