"""Images as a user gives them, read into upright RGB pixels."""

import hashlib
import io
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, Union

import numpy as np
import numpy.typing as npt
import PIL.Image

from ..errors import ImageError
from .decoding import MAX_PIXELS, check_size, open_picture

if TYPE_CHECKING:
    import torch

_STRIP = 1 << 20  # pixels that are converted at a time


@dataclass(frozen=True, eq=False)
class Image:
    """An upright RGB image: `pixels`, uint8 (height, width, 3), and the `name` it goes by.

    It is the first of the `frames` that its file has: those of an animation, or pages.
    """

    pixels: npt.NDArray[np.uint8]
    name: str
    frames: int = 1

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of height and width (two little-endian int64) followed by the pixels."""
        digest = hashlib.sha256(np.array(self.pixels.shape[:2], dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()


ImageLike: TypeAlias = Union[
    str, Path, bytes, BinaryIO, PIL.Image.Image, npt.NDArray[Any], "torch.Tensor", Image
]


def read_image(source: ImageLike, *, max_pixels: int = MAX_PIXELS) -> Image:
    """The image as upright RGB, uint8 (height, width, 3).

    The EXIF orientation is applied; grey, palette, 16-bit and CMYK images become RGB; what is
    transparent lies over white. Of an animation or several pages the first is taken: see
    `Image.frames`.

    Args:
        source: A JPEG, PNG, WebP, TIFF or BMP file as its path, as the bytes that it holds, or open
            for reading; a PIL image; an array (height, width) or (height, width, 3 or 4); or a
            tensor (1, 3 or 4, height, width), on any device, whose gradients are not followed.
            Values are uint8, uint16 (full range), bool, or floats in [0, 1].
        max_pixels: The largest height x width that is accepted. Checked before a file is decoded.

    Raises:
        ImageError: The file is missing, empty, truncated, not an image or of another format, or
            would take far more work than its pixels; the image is too large, or has a side of one
            pixel; the array has another shape, type or range.
    """
    if isinstance(source, Image):
        return source
    file: Path | io.BytesIO | PIL.Image.Image | None = None
    frames, name, label = 1, "array", ""
    if isinstance(source, PIL.Image.Image):
        file, name = source, Path(str(getattr(source, "filename", "") or "image")).name
    elif isinstance(source, (str, Path)):
        file, label = Path(source), str(Path(source))
        # A name that is no valid text has no place in a feature file.
        name = os.fsencode(file.name).decode(errors="replace")
    elif isinstance(source, bytes) or hasattr(source, "read"):
        data = source if isinstance(source, bytes) else source.read()
        name = Path(str(getattr(source, "name", "image"))).name
        if not isinstance(data, bytes):
            raise ImageError(f"{name} is not open as bytes", hint="open it with the mode 'rb'")
        file = io.BytesIO(data)
    if file is None:
        pixels = _rgb_of_array(source, max_pixels)
    else:
        with open_picture(file, max_pixels, label or name) as (picture, frames):
            pixels = _rgb(picture, label or name)
    if min(pixels.shape[:2]) < 2:
        size = f"{pixels.shape[1]} x {pixels.shape[0]} pixels"
        fault = f"{label or name} is {size}: too small to have features"
        raise ImageError(fault, hint="each side needs at least 2 pixels")
    pixels.flags.writeable = False
    return Image(pixels, name, frames)


def _rgb(image: PIL.Image.Image, label: str) -> npt.NDArray[np.uint8]:
    if image.mode.startswith("I;16"):
        return _grey_to_rgb(_from_16_bits(np.asarray(image)))
    if image.mode in ("I", "F"):
        fault = f"{label} holds {'32-bit' if image.mode == 'I' else 'floating-point'} pixels"
        raise ImageError(fault, hint="convert it to 8 or 16 bits per channel")
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    # In strips: whole copies for each step take many times the memory of the picture.
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        if image.has_transparency_data:
            white = PIL.Image.new("RGBA", strip.size, "white")
            strip = PIL.Image.alpha_composite(white, strip.convert("RGBA"))
        pixels[top : top + rows] = np.asarray(strip.convert("RGB"))
    return pixels


def _from_16_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    # 65535 = 255 * 257, so this is exact at both ends and rounds to nearest between.
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _grey_to_rgb(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.repeat(grey[:, :, None], 3, axis=2)


def as_array(source: Any, label: str) -> npt.NDArray[Any]:
    """The values of an array or a tensor, on whichever device, with gradients or without."""
    try:
        return np.asarray(source.detach().cpu() if hasattr(source, "detach") else source)
    except (TypeError, ValueError) as error:
        raise ImageError(f"{label} can't be read as an array: {error}") from error


def _rgb_of_array(source: Any, max_pixels: int) -> npt.NDArray[np.uint8]:
    values = as_array(source, "the array")
    # A tensor has its channels first; one of the shape of an array is taken as that.
    if hasattr(source, "detach") and values.ndim == 3 and values.shape[0] in (1, 3, 4):
        values = values.transpose(1, 2, 0)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        raise ImageError(
            f"the array has shape {values.shape}",
            hint="an image is a path, a PIL image, an array (height, width) or "
            "(height, width, 3), or a tensor (3, height, width)",
        )
    if values.size == 0:
        raise ImageError(f"the array of shape {values.shape} is empty")
    check_size(values.shape[1], values.shape[0], "the array", max_pixels)
    eight_bits = _eight_bits(values)
    if eight_bits.ndim == 2:
        return _grey_to_rgb(eight_bits)
    if eight_bits.shape[2] == 4:
        return _rgb(PIL.Image.fromarray(np.ascontiguousarray(eight_bits), "RGBA"), "the array")
    return np.array(eight_bits, order="C")


def _eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:
        return _from_16_bits(values)
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ImageError("the array holds NaN or infinite values")
        if values.min() < 0 or values.max() > 1:
            raise ImageError(
                f"the array holds floats from {values.min():g} to {values.max():g}",
                hint="floats are expected in [0, 1]; use uint8 for 0 to 255",
            )
        return np.asarray(np.rint(values * 255), dtype=np.uint8)
    hint = "use uint8, uint16, bool or floats in [0, 1]"
    raise ImageError(f"the array has type {values.dtype}", hint=hint)
