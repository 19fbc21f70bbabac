"""The canvas: the picture that a network sees, and the way back to the pixels of the image."""

import math
from dataclasses import dataclass
from typing import Literal, Self, get_args

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from ..errors import ImageError, OptionError
from ..settings import check_choice, check_int

Fit = Literal["pad", "stretch", "aspect", "short"]
FITS: tuple[Fit, ...] = get_args(Fit)

_LONG_STEP = 32  # what the long side of `short` is rounded down to a multiple of, in pixels


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One side of a canvas: `length` pixels, of which the image fills `content` from `offset` on.

    `image` is the length of the image's side. All lengths are in pixels.
    """

    image: int
    length: int
    content: int
    offset: int

    @property
    def scale(self) -> float:
        """Canvas pixels per image pixel."""
        return self.content / self.image

    def to_image(self, position: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Image coordinates of canvas coordinates; 0 is the centre of the first pixel in both."""
        canvas = np.asarray(position, dtype=np.float64)
        return (canvas + 0.5 - self.offset) / self.scale - 0.5

    def cells(self, count: int, stride: int, patch: int) -> tuple[slice, npt.NDArray[np.float64]]:
        """The cells whose centre lies on the image, and those centres in image pixels.

        Cell k covers `patch` canvas pixels from k * stride on; there are `count` of them.
        """
        edges = np.arange(count) * stride + patch / 2
        inside = np.flatnonzero((edges >= self.offset) & (edges <= self.offset + self.content))
        if inside.size == 0:
            return slice(0, 0), np.empty(0)
        cells = slice(int(inside[0]), int(inside[-1]) + 1)
        centres = self.to_image(edges[cells] - 0.5)
        # Rounding must not carry a centre on the very edge out of the image.
        return cells, np.clip(centres, -0.5, self.image - 0.5)


@dataclass(frozen=True)
class Canvas:
    """How an image lies on a canvas: one `Axis` down and one across."""

    y: Axis
    x: Axis
    fit: Fit

    @classmethod
    def fitted(cls, height: int, width: int, *, size: int, fit: Fit, multiple: int) -> Self:
        """The canvas for an upright image of this height and width in pixels.

        Args:
            height, width: Size of the image.
            size, fit: As in `Backbone`. The long side of `short` is rounded down to a multiple of
                32 and of `multiple`, as DIFT does for DAVIS (Tang et al., NeurIPS 2023).
            multiple: What both sides of the canvas are a multiple of, in pixels: the network's
                stride.

        Raises:
            OptionError: The size is not a multiple, with any fit but `aspect`, or out of range.
        """
        check_int("size", size, minimum=1)
        check_choice("fit", fit, FITS)
        if fit != "aspect":
            check_multiple(size, multiple)
        short, long = sorted((height, width))

        def axis(image: int) -> Axis:
            # Ties go to the even number, as with numpy's `around`, by which the originals round.
            length = size
            if fit == "aspect":
                length = max(1, round(image * size / (long * multiple))) * multiple
            elif fit == "short" and image > short:
                step = math.lcm(_LONG_STEP, multiple)
                length = max(1, image * size // (short * step)) * step
            content = max(1, round(image * size / long)) if fit == "pad" else length
            return Axis(image=image, length=length, content=content, offset=(length - content) // 2)

        return cls(y=axis(height), x=axis(width), fit=fit)

    def render(self, pixels: npt.NDArray[np.uint8], margin: int = 0) -> npt.NDArray[np.uint8]:
        """The picture that the network sees: uint8 (canvas height, canvas width, 3).

        `pixels` is the upright image, uint8 (height, width, 3). `pad` resamples with Lanczos,
        `stretch` and `aspect` bicubically, all with antialiasing; `short` bilinearly without it.
        A `margin` adds as many pixels on every side, and all that surrounds the image is then its
        reflection instead of black.
        """
        content = (self.x.content, self.y.content)
        if self.fit == "short":
            picture = cv2.resize(pixels, content, interpolation=cv2.INTER_LINEAR)
        else:
            filters = PIL.Image.Resampling
            resampling = filters.LANCZOS if self.fit == "pad" else filters.BICUBIC
            picture = np.asarray(PIL.Image.fromarray(pixels).resize(content, resampling))
        around = [
            (margin + axis.offset, margin + axis.length - axis.content - axis.offset)
            for axis in (self.y, self.x)
        ]
        return np.pad(picture, (*around, (0, 0)), "symmetric" if margin else "constant")

    def check_covered(self, rows: int, columns: int, name: str) -> None:
        """Raise `ImageError` if no cell of a grid lies on the image, as on a very thin one."""
        if rows == 0 or columns == 0:
            raise ImageError(
                f"{name} is {self.x.image} x {self.y.image} pixels: too thin for its canvas of "
                f"{self.x.length} x {self.y.length}, no cell has its centre on it",
                hint="crop the image, or use fit=stretch",
            )


def check_multiple(size: int, multiple: int, name: str = "size") -> None:
    """Raise `OptionError` if a side of this length does not hold whole strides."""
    if size % multiple:
        below = max(1, size // multiple) * multiple
        raise OptionError(
            f"{name} must be a multiple of {multiple} for this descriptor, not {size}",
            hint=f"the nearest are {below} and {below + multiple}",
        )
