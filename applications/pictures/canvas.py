"""Strokes and texts over pixels, and the drawings that are made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, hypot
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw

from ...descriptors.runtime.atomic import whole_file
from .files import check_matplotlib, check_suffix, encode, plot
from .letters import font, plain
from .painting import Picture, resize_photograph

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
CASING = 0.55  # how dark the edge of a dot is: the photograph shows through it
INK, _GREY = (40, 40, 40), (110, 110, 110)
LEADING = 1.3  # distance of two lines, as a multiple of the size of the letters

Color = tuple[int, int, int]


class Stroke(NamedTuple):
    """A straight line with round ends; a disc where these are one place; a ring with a radius.

    Places are (x, y), with (0, 0) at the middle of the first pixel; the radius is that of the
    middle of the line.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    color: Color
    opacity: float
    thickness: float
    radius: float = 0.0


class Text(NamedTuple):
    """A line of letters of a size, at the middle of its height; `anchor` is l, m or r."""

    text: str
    x: float
    y: float
    size: float
    anchor: str
    color: Color


class Drawing(np.ndarray[Any, np.dtype[np.uint8]]):
    """A picture, uint8 (height, width, 3) RGB, that knows the strokes and texts on it.

    It is an array like any other: a part of it, and what is computed of it, are pixels alone.
    """

    canvas: "Canvas | None"

    def __array_finalize__(self, array: Any) -> None:
        self.canvas = None

    def __array_wrap__(self, array: Any, *context: Any) -> Any:
        # What is computed of a picture is none.
        return np.asarray(array)[()]

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows; nothing for what is no picture."""
        if self.ndim != 3 or self.shape[2] != 3 or self.dtype != np.uint8:
            return None
        return encode(self, ".png")

    def save(self, path: str | PathLike[str]) -> None:
        """Write it as its suffix says: .png, .jpg, .webp, or .svg and .pdf of lines and letters.

        Raises `OptionError` for another suffix, and for .pdf without matplotlib (the extra
        `figures`); `OutputError` if the file can't be written.
        """
        suffix = Path(path).suffix.lower()
        check_suffix(suffix)
        with whole_file(path) as target:
            target.write_bytes(encode(self, suffix))

    def plot(self, ax: Any = None) -> Any:
        """Draw it on axes of matplotlib, new ones by default, and give these.

        Raises `OptionError` without matplotlib.
        """
        check_matplotlib("a plot")
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.figure().add_subplot()
        plot(Canvas.within(self), ax)
        return ax


@dataclass(frozen=True, eq=False)
class Canvas:
    """Pixels, uint8 (height, width, 3), beneath strokes, beneath texts.

    Coordinates and lengths are pixels. Texts lie in a frame whose (0, 0) is the corner, strokes in
    one where it is the middle of the first pixel.
    """

    pixels: Picture
    strokes: list[Stroke]
    texts: list[Text]

    @classmethod
    def of(cls, picture: Picture) -> "Canvas":
        """A copy of a picture to draw on."""
        canvas = cls.blank(*picture.shape[:2])
        canvas.put(picture, 0, 0)
        return canvas

    @classmethod
    def within(cls, picture: Picture) -> "Canvas":
        """What a drawing is made of; of any other picture its pixels, which are not copied."""
        return getattr(picture, "canvas", None) or cls(picture, [], [])

    @classmethod
    def blank(cls, height: int, width: int) -> "Canvas":
        """White."""
        return cls(np.full((height, width, 3), 255, np.uint8), [], [])

    def put(self, picture: Picture, left: int, top: int, scale: float = 1.0) -> None:
        """A picture with its top left corner at a place, with what is drawn on it on top."""
        drawn = Canvas.within(picture)
        pixels = drawn.pixels
        if scale != 1:
            sides = (max(1, int(side * scale + 1e-6)) for side in pixels.shape[:2])
            pixels = resize_photograph(pixels, *sides)
        height, width = pixels.shape[:2]
        self.pixels[top : top + height, left : left + width] = pixels
        for stroke in drawn.strokes:
            start, end = (
                ((x + 0.5) * scale - 0.5 + left, (y + 0.5) * scale - 0.5 + top)
                for x, y in (stroke.start, stroke.end)
            )
            lengths = stroke.thickness * scale, stroke.radius * scale
            self.strokes.append(Stroke(start, end, stroke.color, stroke.opacity, *lengths))
        for text in drawn.texts:
            x, y = text.x * scale + left, text.y * scale + top
            self.texts.append(text._replace(x=x, y=y, size=text.size * scale))

    def line(
        self, start: Any, end: Any, color: Any, thickness: float, opacity: float = 1.0
    ) -> None:
        """A straight line from (x, y) to (x, y), with round ends."""
        self._stroke(start, end, color, opacity, thickness)

    def circle(
        self,
        place: Any,
        color: Any,
        radius: float,
        thickness: float | None = None,
        opacity: float = 1.0,
    ) -> None:
        """A disc around (x, y), or a ring, the middle of whose line is at the radius."""
        if thickness is None:
            self._stroke(place, place, color, opacity, 2 * radius)
        else:
            self._stroke(place, place, color, opacity, thickness, radius)

    def dot(self, place: Any, color: Any, radius: float, white: float, black: float) -> None:
        """A disc with white around it, and faint black around that, to these radii."""
        self.circle(place, BLACK, black, opacity=CASING)
        self.circle(place, WHITE, white)
        self.circle(place, color, radius)

    def _stroke(self, start: Any, end: Any, color: Any, *rest: float) -> None:
        (x, y), (u, v), (red, green, blue) = start, end, color
        ends = (float(x), float(y)), (float(u), float(v))
        self.strokes.append(Stroke(*ends, (int(red), int(green), int(blue)), *rest))

    def write(
        self, texts: Iterable[tuple[str, float, float]], *, size: float, anchor: str = "l"
    ) -> None:
        """Texts in letters of this size, in pixels.

        Each comes with the x and the y of its middle; its lines begin (`l`), end (`r`) or have
        their middle (`m`) at x. What has no letter in the font is shown as a question mark. All
        lines but the first are grey.
        """
        for text, x, y in texts:
            lines = text.split("\n")
            first = float(y) - (len(lines) - 1) / 2 * size * LEADING
            for index, line in enumerate(lines):
                if not line:
                    continue
                color = INK if index == 0 else _GREY
                low = first + index * size * LEADING
                self.texts.append(Text(plain(line), float(x), low, size, anchor, color))

    def finish(self) -> Drawing:
        """The drawing of all that is here."""
        pixels = self.pixels
        if self.strokes:
            # Of four bytes each, pixels are numbers that are read and written at once.
            padded = np.pad(pixels, ((0, 0), (0, 0), (0, 1)))
            for _, group in groupby(self.strokes, lambda stroke: stroke[:2]):
                _blend(padded.view(np.uint32)[:, :, 0], list(group))
            pixels = np.ascontiguousarray(padded[:, :, :3])
        if self.texts:
            image = PIL.Image.fromarray(pixels)
            draw = PIL.ImageDraw.Draw(image)
            for text, x, y, size, anchor, color in self.texts:
                letters = font(round(size))
                draw.text((x, y), text, fill=color, font=letters, anchor=f"{anchor}m")
            pixels = np.array(image)
        drawing = pixels.view(Drawing)
        drawing.canvas = self
        return drawing


def _blend(pixels: npt.NDArray[np.uint32], strokes: Sequence[Stroke]) -> None:
    """Lay strokes along one line over pixels of four bytes, by the share that each covers."""
    (u0, v0), (u1, v1) = strokes[0].start, strokes[0].end
    sizes, steps = pixels.shape[::-1], (1, pixels.shape[1])
    # Along the axis that the line has more of, u, of which each step is looked at; v across.
    if abs(v1 - v0) > abs(u1 - u0):
        u0, v0, u1, v1, sizes, steps = v0, u0, v1, u1, sizes[::-1], steps[::-1]
    # What is thinner than a pixel is fainter instead.
    looks = [
        (max(one.thickness, 1) / 2 + 0.5, one.radius, one.opacity * min(one.thickness, 1))
        for one in strokes
    ]
    reach = max(half + radius for half, radius, _ in looks)
    du, dv = u1 - u0, v1 - v0
    slope, length = dv / du if du else 0.0, hypot(du, dv)
    low, high = ceil(min(u0, u1) - reach), floor(max(u0, u1) + reach)
    u = np.arange(max(0, low), min(sizes[0] - 1, high) + 1)
    across = u - u0
    middle = np.rint(v0 + slope * across)
    beside = floor(reach * hypot(1, slope) + 0.5)
    aside = np.arange(-beside, beside + 1)[:, None]
    places = (u * steps[0] + middle.astype(np.intp) * steps[1]) + aside * steps[1]
    across = across.astype(np.float32)
    down = (middle - v0).astype(np.float32) + aside.astype(np.float32)
    if length:
        # Beside the line, and beyond its ends.
        du, dv = du / length, dv / length
        along = across * du + down * dv
        beyond = along - np.minimum(np.maximum(along, 0), length)
        across, down = across * dv - down * du, beyond
    distance = np.sqrt(across * across + down * down)
    margin = 2 * beside + 1  # the line goes on beyond its ends here
    if min(v0, v1) < margin or max(v0, v1) > sizes[1] - 1 - margin:
        v = middle + aside
        inside = (v >= 0) & (v < sizes[1])
        places, distance = places[inside], distance[inside]
    half, radius, strength = np.array(looks, np.float32).T[:, :, None]
    gap = distance.ravel()
    if radius.any():
        gap = np.abs(gap - radius)
    cover = np.minimum(np.maximum(half - gap, 0), 1) * strength
    flat, places = pixels.reshape(-1), places.ravel()
    under = flat[places]
    channels = under.view(np.uint8).reshape(-1, 4)[:, :3]
    mixed = channels.T.astype(np.float32, order="C")
    colors = np.array([one.color for one in strokes], np.float32)[:, :, None]
    for color, share in zip(colors, cover, strict=True):
        mixed += (color - mixed) * share
    channels[:] = (mixed + np.float32(0.5)).astype(np.uint8).T
    flat[places] = under
