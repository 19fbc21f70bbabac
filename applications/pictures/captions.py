"""Text in pictures."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from ..text import printable
from .painting import Picture

INK = (40, 40, 40)
_LEADING = 1.3
"""Distance of two lines, as a multiple of the size of the letters."""


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
    return np.asarray(image)


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
