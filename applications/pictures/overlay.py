"""Photographs at other sizes, and lines and circles with smooth edges over them."""

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ...descriptors.settings import check_int

_SUPERSAMPLING = 2
_SHIFT = 4  # binary digits after the point of the coordinates that OpenCV draws at

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
    alpha, so that smoothed edges mix rightly when it is shrunk. What is drawn later lies on top.
    Coordinates and lengths are pixels of the picture.
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

    def over(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The picture, uint8 (height, width, 3), with all of it on top."""
        height, width = picture.shape[:2]
        small = cv2.resize(self._pixels, (width, height), interpolation=cv2.INTER_AREA)
        small = small.astype(np.float32)
        mixed = small[:, :, :3] + picture * (1 - small[:, :, 3:] / 255)
        return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def _fixed(place: Any) -> tuple[int, int]:
    x, y = ((float(value) + 0.5) * _SUPERSAMPLING - 0.5 for value in place)
    return round(x * (1 << _SHIFT)), round(y * (1 << _SHIFT))


def resize_photograph(
    pixels: npt.NDArray[np.uint8], height: int, width: int
) -> npt.NDArray[np.uint8]:
    """The photograph at another size, sharp."""
    method = sharp_method(pixels.shape, height, width)
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), dtype=np.uint8)


def sharp_method(shape: tuple[int, ...], height: int, width: int) -> int:
    """OpenCV's interpolation for an array of this shape: means to shrink it, cubic to enlarge."""
    return int(cv2.INTER_AREA if height * width < shape[0] * shape[1] else cv2.INTER_CUBIC)


def check_width(width: int) -> int:
    """`width` if it is a number of pixels that a picture can have; `OptionError` if not."""
    return check_int("width", width, minimum=64, maximum=20_000)
