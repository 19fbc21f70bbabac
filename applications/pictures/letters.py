"""Letters of pictures: how wide lines of them are, and what of a text they can show."""

import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import PIL.ImageFont

from ..text import printable


def text_size(width: int) -> int:
    """The size of the letters on a picture of a width, in pixels."""
    return max(11, round(width / 76))


def text_width(text: str, size: int) -> float:
    """How wide a line is, in pixels."""
    return float(font(size).getlength(plain(text)))


def baseline(size: float) -> float:
    """How far below the middle of a line its letters stand, in pixels."""
    ascent, descent = font(round(size)).getmetrics()
    return float(ascent - descent) / 2


def fitting(text: str, size: int, width: float) -> str:
    """The text, its middle left out where it is wider than `width` pixels.

    What stands before a colon is not cut: where there is no room for more, it stands alone.
    """

    def fits(line: str) -> bool:
        # No letter is narrower than a pixel.
        return len(line) <= width and text_width(line, size) <= width

    text = plain(text)
    if fits(text):
        return text
    role, colon, _ = text.partition(": ")
    whole = len(role + colon) if colon and fits(role) else 0
    for kept in range(min(len(text) - 1, int(width)), 1, -1):
        short = text[: (kept + 1) // 2] + "..." + text[len(text) - kept // 2 :]
        if (kept + 1) // 2 <= whole:
            return role
        if fits(short):
            return short
    return text[:1]


def plain(text: str) -> str:
    """The text in letters that the font has: without accents, on one line."""
    decomposed = unicodedata.normalize("NFKD", printable(" ".join(text.split())))
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return letters.encode("ascii", "replace").decode()


@lru_cache(maxsize=16)
def font(size: int) -> Any:
    """The font in a size."""
    return PIL.ImageFont.load_default(max(6, size))


def font_bytes() -> bytes:
    """The file of the font: Aileron by Sora Sagano, which is in the public domain."""
    return bytes(font(16).font_bytes)


def font_file() -> Path:
    """The font as a file, which lasts as long as the process: a figure is drawn when it is seen."""
    path = Path(_font_folder().name, "Aileron.ttf")
    if not path.exists():
        path.write_bytes(font_bytes())
    return path


@cache
def _font_folder() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="descr-", ignore_cleanup_errors=True)
