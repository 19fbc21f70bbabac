"""Files of images opened and decoded, with every way in which that fails as one clear error."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import PIL.Image
import PIL.ImageOps

from .errors import ImageError
from .formats import unread_format
from .runtime.quiet import without_warnings

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
MAX_PIXELS = 100_000_000

_FORMAT_HINT = "descr reads JPEG, PNG, WebP, TIFF and BMP"
_SUBFILE_TYPE, _SUB_FILES, _DNG_VERSION = 254, 330, 50706
_PILLOW_LIMIT = threading.Lock()


@contextmanager
def opened(path: Path, max_pixels: int) -> Iterator[PIL.Image.Image]:
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
        if kind := unread_format(path):
            raise _unread(path, kind)
        image = _open_header(path)
    except PIL.UnidentifiedImageError:
        raise ImageError(f"{path} is not an image", hint=_FORMAT_HINT) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageError(f"cannot read {path}: {reason}") from error
    with image:
        tags = getattr(image, "tag_v2", {})
        # Most raw files are TIFF by form, with a small preview in the first place.
        if _DNG_VERSION in tags or (tags.get(_SUBFILE_TYPE) == 1 and _SUB_FILES in tags):
            raise _unread(path, "a camera's raw file")
        yield image


def count_frames(image: PIL.Image.Image) -> int:
    """How many frames or pages an opened file has; what a camera adds to a JPEG is none of them."""
    return 1 if image.format == "MPO" else getattr(image, "n_frames", 1)


def _unread(path: Path, kind: str) -> ImageError:
    return ImageError(
        f"{path} is {kind}, which is not read", hint=f"{_FORMAT_HINT}: convert it to PNG"
    )


def _open_header(path: Path) -> PIL.Image.Image:
    # Pillow has a limit of its own, a process-wide variable. Ours is checked right after, on
    # the size in the header, and may be larger than Pillow's.
    with _PILLOW_LIMIT, without_warnings():
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
def decoding(label: str) -> Iterator[None]:
    """Turn what Pillow's decoders raise on damaged data, whatever its type, into an ImageError."""
    try:
        with without_warnings():
            yield
    except (ImageError, MemoryError):
        raise
    except Exception as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise ImageError(
            f"{label} is damaged or cut off: {reason}", hint="make or download the file again"
        ) from error


def upright(image: PIL.Image.Image, label: str, max_pixels: int) -> PIL.Image.Image:
    """The picture turned as its EXIF orientation says; `ImageError` if it has too many pixels."""
    if image.width * image.height > max_pixels:
        raise ImageError(
            f"{label} is {image.width} x {image.height} pixels: more than the limit of "
            f"{max_pixels / 1e6:g} megapixels",
            hint="scale it down first, as in: magick big.png -resize 4000x4000 smaller.png",
        )
    return PIL.ImageOps.exif_transpose(image)
