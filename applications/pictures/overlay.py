"""Lines, circles and text over pictures, and lists of colours and names beneath them."""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import ceil
from typing import Any, TypeAlias

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from ..text import printable
from .painting import Picture

_SUPERSAMPLING = 2
_SHIFT = 4  # binary digits after the point of the coordinates that OpenCV draws at
INK = (40, 40, 40)
_LEADING = 1.3  # distance of two lines, as a multiple of the size of the letters

Color: TypeAlias = tuple[int, ...]
"""Red, green and blue multiplied by alpha, and alpha; each 0 to 255."""


def opaque(color: Any) -> Color:
    """The colour of three numbers, letting nothing through."""
    red, green, blue = map(int, color)
    return red, green, blue, 255


def shade(share: float) -> Color:
    """What darkens the picture under it by this share: 0 leaves it, 1 makes it black."""
    return 0, 0, 0, round(255 * share)


class Overlay:
    """Lines and circles over a picture of this height and width.

    They are drawn on a transparent sheet of twice the size, whose colours are multiplied by its
    alpha, so that smoothed edges mix rightly when it is shrunk. Coordinates and lengths are pixels
    of the picture.
    """

    def __init__(self, height: int, width: int) -> None:
        self._pixels = np.zeros((height * _SUPERSAMPLING, width * _SUPERSAMPLING, 4), np.uint8)

    def line(self, start: Any, end: Any, color: Color, thickness: float) -> None:
        """A straight line from (x, y) to (x, y)."""
        wide = max(1, round(thickness * _SUPERSAMPLING))
        cv2.line(self._pixels, _fixed(start), _fixed(end), color, wide, cv2.LINE_AA, _SHIFT)

    def circle(
        self, place: Any, color: Color, radius: float, thickness: float | None = None
    ) -> None:
        """A filled circle around (x, y), or a ring, the middle of whose line is at the radius."""
        wide = cv2.FILLED if thickness is None else max(1, round(thickness * _SUPERSAMPLING))
        reach = round(radius * _SUPERSAMPLING * (1 << _SHIFT))
        cv2.circle(self._pixels, _fixed(place), reach, color, wide, cv2.LINE_AA, _SHIFT)

    def over(self, picture: Picture) -> Picture:
        """The picture, uint8 (height, width, 3), with all of it on top."""
        height, width = picture.shape[:2]
        small = cv2.resize(self._pixels, (width, height), interpolation=cv2.INTER_AREA)
        small = small.astype(np.float32)
        mixed = small[:, :, :3] + picture * (1 - small[:, :, 3:] / 255)
        return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def _fixed(place: Any) -> tuple[int, int]:
    x, y = ((float(value) + 0.5) * _SUPERSAMPLING - 0.5 for value in place)
    return round(x * (1 << _SHIFT)), round(y * (1 << _SHIFT))


def write_texts(
    picture: Picture, texts: Iterable[tuple[str, float, float]], *, size: int, anchor: str = "l"
) -> Picture:
    """A copy of the picture with texts in letters of this size, in pixels.

    Each text comes with the x and the y of its middle; its lines begin (`l`), end (`r`) or have
    their middle (`m`) at x. What has no letter in the font is shown as a question mark. All lines
    but the first are grey.
    """
    image = PIL.Image.fromarray(picture)
    draw = PIL.ImageDraw.Draw(image)
    for text, x, y in texts:
        lines = text.split("\n")
        first = y - (len(lines) - 1) / 2 * size * _LEADING
        for index, line in enumerate(lines):
            colour = INK if index == 0 else (110, 110, 110)
            place = (x, first + index * size * _LEADING)
            draw.text(place, plain(line), fill=colour, font=_font(size), anchor=f"{anchor}m")
    return np.array(image)


def text_width(text: str, size: int) -> float:
    """How wide a line is, in pixels."""
    return float(_font(size).getlength(plain(text)))


def fitting(text: str, size: int, width: float) -> str:
    """The text, its middle left out where it is wider than `width` pixels."""
    text = plain(text)
    if text_width(text, size) <= width:
        return text
    # No letter is narrower than a pixel.
    for kept in range(min(len(text) - 1, int(width)), 1, -1):
        short = text[: (kept + 1) // 2] + "..." + text[len(text) - kept // 2 :]
        if text_width(short, size) <= width:
            return short
    return text[:1]


def plain(text: str) -> str:
    """The text in letters that the font has: without accents, on one line."""
    decomposed = unicodedata.normalize("NFKD", printable(" ".join(text.split())))
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return letters.encode("ascii", "replace").decode()


@lru_cache(maxsize=16)
def _font(size: int) -> Any:
    return PIL.ImageFont.load_default(max(6, size))


def with_legend(picture: Picture, entries: Sequence[tuple[str, Any, str]], size: int) -> Picture:
    """A copy of the picture above all entries in columns, uint8 (height, width, 3).

    An entry, of which there is at least one, is what stands on the badge, its colour and the name
    beside it. A name that is long takes several columns, and is cut where it is wider than the
    picture. `size` is that of letters in pixels; from five rows on they are smaller.
    """
    width = picture.shape[1]
    places = _places(entries, size, width)
    if places[-1][1] >= 4:
        size = max(min(size, 10), round(0.75 * size))
        places = _places(entries, size, width)
    height, margin = 1.9 * size, 0.6 * size
    strip = np.full((round((places[-1][1] + 1) * height + margin), width, 3), 255, np.uint8)
    overlay, tags, names = Overlay(*strip.shape[:2]), [], []
    for (tag, color, name), (x, row) in zip(entries, places, strict=True):
        badge, y = badge_size(tag, size), margin / 2 + (row + 0.5) * height
        draw_badge(overlay, (x + badge[0] / 2, y), badge, opaque(color))
        left = x + badge[0] + 0.5 * size
        tags.append((tag, x + badge[0] / 2 + 0.5, y + 0.5))
        names.append((fitting(name, size, width - margin - left), left, y + 0.5))
    strip = write_texts(overlay.over(strip), tags, size=size, anchor="m")
    return np.concatenate([picture, write_texts(strip, names, size=size)])


def _places(
    entries: Sequence[tuple[str, Any, str]], size: int, width: int
) -> list[tuple[float, int]]:
    """Where each entry begins, in pixels from the left, and its row."""
    room = width - 1.2 * size
    gaps = 2.1 * size
    wholes = [badge_size(tag, size)[0] + text_width(name, size) + gaps for tag, _, name in entries]
    # Most entries take one column; the gap behind the last one may leave the picture.
    usual = 1.5 * float(np.median(wholes))
    step = min(max(whole for whole in wholes if whole <= usual), room)
    columns = int((room + 1.6 * size) // step)
    column, row, places = 0, 0, []
    for whole in wholes:
        span = ceil(whole / step - 1e-6)
        if column and column + span > columns:
            column, row = 0, row + 1
        places.append((0.6 * size + column * step, row))
        column += span
    return places


def badge_size(text: str, size: int) -> tuple[float, float]:
    """Width and height of what a number stands on, which is as wide as it is high at least."""
    height = 1.25 * size
    return max(height, text_width(text, size) + 0.7 * size), height


def draw_badge(overlay: Overlay, place: Any, size: Any, color: tuple[int, ...]) -> None:
    """A bar with round ends, its middle at (x, y)."""
    x, y = place
    reach = (size[0] - size[1]) / 2
    overlay.line((x - reach, y), (x + reach, y), color, size[1])
