"""Images as a user gives them, read into upright RGB pixels, and masks beside them."""

import hashlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageOps

from .errors import ImageError

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
MAX_PIXELS = 100_000_000

_FORMAT_HINT = "descr reads JPEG, PNG, WebP, TIFF and BMP"
_PILLOW_LIMIT = threading.Lock()


@dataclass(frozen=True, eq=False)
class Image:
    """An upright RGB image: `pixels`, uint8 (height, width, 3), and the `name` it goes by."""

    pixels: npt.NDArray[np.uint8]
    name: str

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


ImageLike: TypeAlias = str | Path | PIL.Image.Image | npt.NDArray[Any] | Image
MaskLike: TypeAlias = str | Path | PIL.Image.Image | npt.NDArray[Any]


def read_image(source: ImageLike, *, max_pixels: int = MAX_PIXELS) -> Image:
    """The image as upright RGB, uint8 (height, width, 3).

    The EXIF orientation is applied; grey, palette, 16-bit and CMYK images become RGB; what is
    transparent lies over white. Of a file with several pictures, the first is taken.

    Parameters
    ----------
    source:
        A path to a JPEG, PNG, WebP, TIFF or BMP file; a PIL image; or an array (height, width)
        or (height, width, 3 or 4): uint8, uint16 (full range), bool, or floats in [0, 1].
    max_pixels:
        The largest height x width that is accepted. Checked before a file is decoded.

    Raises
    ------
    ImageError
        The file is missing, empty, truncated or not an image; the image is too large, or has a
        side of one pixel; the array has another shape, type or range.
    """
    if isinstance(source, Image):
        return source
    if isinstance(source, PIL.Image.Image):
        name = Path(str(getattr(source, "filename", "") or "image")).name
        with _decoding(name):
            pixels = _rgb(_upright(source, name, max_pixels), name)
    elif isinstance(source, (str, Path)):
        path = Path(source)
        name = path.name
        with _opened(path, max_pixels) as opened, _decoding(str(path)):
            pixels = _rgb(_upright(opened, str(path), max_pixels), str(path))
    else:
        name = "array"
        pixels = _rgb_of_array(source, max_pixels)
    if min(pixels.shape[:2]) < 2:
        raise ImageError(
            f"{source if isinstance(source, (str, Path)) else name} is "
            f"{pixels.shape[1]} x {pixels.shape[0]} pixels: too small to have features",
            hint="each side needs at least 2 pixels",
        )
    pixels.flags.writeable = False
    return Image(pixels, name)


def read_mask(
    source: MaskLike, *, height: int, width: int, name: str = "mask"
) -> npt.NDArray[np.bool_]:
    """The mask as a boolean array (height, width), upright like its image.

    A pixel belongs to the mask where its value is above half of the largest value in the mask,
    so that masks of {0, 1} and of {0, 255} say the same; in a palette image, where its index is
    not 0.

    Parameters
    ----------
    source:
        A path to an image file, a PIL image, or an array (height, width).
    height, width:
        The size of the image that the mask belongs to, in pixels.
    name:
        How messages call the mask, if it is not a path.

    Raises
    ------
    ImageError
        The mask can't be read, or has another size than its image.
    """
    label = str(source) if isinstance(source, (str, Path)) else name
    if isinstance(source, PIL.Image.Image):
        with _decoding(label):
            values = _mask_values(_upright(source, label, MAX_PIXELS))
    elif isinstance(source, (str, Path)):
        with _opened(Path(source), MAX_PIXELS) as opened, _decoding(label):
            values = _mask_values(_upright(opened, label, MAX_PIXELS))
    else:
        values = np.asarray(source)
        if values.ndim != 2 or values.dtype.kind not in "buif":
            raise ImageError(
                f"{label} is an array of shape {values.shape} and type {values.dtype}",
                hint="a mask is a boolean array (height, width)",
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ImageError(f"{label} holds NaN or infinite values")
    if values.shape != (height, width):
        raise ImageError(
            f"{label} is {values.shape[1]} x {values.shape[0]} pixels, "
            f"but its image is {width} x {height}",
            hint="a mask has the size of its image",
        )
    if values.dtype == np.bool_:
        return values.copy()
    return np.asarray(values > max(float(values.max()), 0.0) / 2)


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[PIL.Image.Image]:
    """The file's header, read; the size checked before any pixel is decoded."""
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder, not an image", hint="give the path of one file")
        if not path.exists():
            raise ImageError(f"no such file: {path}")
        if not path.is_file():
            raise ImageError(f"{path} is not a regular file")
        if path.stat().st_size == 0:
            raise ImageError(f"{path} is empty (0 bytes)")
        opened = _open_header(path)
    except PIL.UnidentifiedImageError:
        raise ImageError(f"{path} is not an image", hint=_FORMAT_HINT) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageError(f"cannot read {path}: {reason}") from error
    with opened:
        yield opened


def _open_header(path: Path) -> PIL.Image.Image:
    # Pillow has a limit of its own, a process-wide variable. Ours is checked right after, on
    # the size in the header, and may be larger than Pillow's.
    with _PILLOW_LIMIT, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit = PIL.Image.MAX_IMAGE_PIXELS
        PIL.Image.MAX_IMAGE_PIXELS = None
        try:
            return PIL.Image.open(path, formats=FORMATS)
        except PIL.UnidentifiedImageError:
            raise
        except (SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError) as error:
            raise ImageError(f"{path} is damaged: {error}") from error
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def _decoding(label: str) -> Iterator[None]:
    """Turn what Pillow's decoders raise on damaged data, whatever its type, into an ImageError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise ImageError(
            f"{label} is damaged or cut off: {reason}", hint="make or download the file again"
        ) from error


def _upright(image: PIL.Image.Image, label: str, max_pixels: int) -> PIL.Image.Image:
    if image.width * image.height > max_pixels:
        raise ImageError(
            f"{label} is {image.width} x {image.height} pixels: more than the limit of "
            f"{max_pixels / 1e6:g} megapixels",
            hint="scale it down, or raise max_pixels in read_image",
        )
    return PIL.ImageOps.exif_transpose(image)


def _rgb(image: PIL.Image.Image, label: str) -> npt.NDArray[np.uint8]:
    if image.mode.startswith("I"):
        return _rgb_of_grey16(np.asarray(image), label)
    if image.mode == "F":
        raise ImageError(
            f"{label} holds floating-point pixels", hint="convert it to 8 or 16 bits per channel"
        )
    if image.has_transparency_data:
        over = image.convert("RGBA")
        white = PIL.Image.new("RGBA", over.size, "white")
        image = PIL.Image.alpha_composite(white, over)
    # A copy: np.asarray of a PIL image is read-only, and may share the caller's memory.
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _rgb_of_grey16(values: npt.NDArray[Any], label: str) -> npt.NDArray[np.uint8]:
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(
            f"{label} holds 32-bit pixels", hint="convert it to 8 or 16 bits per channel"
        )
    return _grey_to_rgb(_from_16_bits(values))


def _from_16_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    # 65535 = 255 * 257, so this is exact at both ends and rounds to nearest between.
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _grey_to_rgb(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _rgb_of_array(source: Any, max_pixels: int) -> npt.NDArray[np.uint8]:
    values = np.asarray(source)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        raise ImageError(
            f"the array has shape {values.shape}",
            hint="an image is a path, a PIL image or an array (height, width) or "
            "(height, width, 3)",
        )
    if values.size == 0:
        raise ImageError(f"the array of shape {values.shape} is empty")
    if values.shape[0] * values.shape[1] > max_pixels:
        raise ImageError(
            f"the array is {values.shape[1]} x {values.shape[0]} pixels: more than the limit of "
            f"{max_pixels / 1e6:g} megapixels"
        )
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
    raise ImageError(
        f"the array has type {values.dtype}", hint="use uint8, uint16, bool or floats in [0, 1]"
    )


def _mask_values(image: PIL.Image.Image) -> npt.NDArray[Any]:
    if image.mode == "P":
        return np.asarray(np.asarray(image) != 0)
    if image.mode == "1" or image.mode.startswith("I") or image.mode == "F":
        return np.asarray(image)
    return np.asarray(image.convert("L"))
