"""Files of images opened and decoded, with every way in which that fails as one clear error."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import PIL.Image
import PIL.ImageOps

from .errors import ImageError, OutOfMemoryError
from .runtime.quiet import without_warnings

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
MAX_PIXELS = 100_000_000

_FORMAT_HINT = "descr reads JPEG, PNG, WebP, TIFF and BMP"
_SUBFILE_TYPE, _SUB_FILES, _DNG_VERSION = 254, 330, 50706
_PILLOW_LIMIT = threading.Lock()
_SIGNATURES = {
    "a GIF": rb"GIF8[79]a",
    "an AVIF": rb".{4}ftyp.{0,32}?avi[fs]",
    "a camera's raw file": rb".{4}ftypcrx |II\*\0.{4}CR|FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR",
    "a HEIF (HEIC)": rb".{4}ftyp(hei|hev|mif1|msf1)",
    "a JPEG 2000": rb"\0\0\0\x0cjP  \r\n|\xff\x4f\xff\x51",
    "a JPEG XL": rb"\0\0\0\x0cJXL \r\n|\xff\x0a",
    "a Photoshop file": rb"8BPS\0[\x01\x02]",
    "a PDF": rb"%PDF-",
    "a PostScript file": rb"%!PS-Adobe|\xc5\xd0\xd3\xc6",
    "an SVG": rb"(\xef\xbb\xbf)?(?>\s|<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE svg[^>]*>)*+<svg[\s/>]",
    "an icon": rb"\0\0[\x01\x02]\0[^\0]\0|icns",
    "an OpenEXR": rb"v/1\x01",
    "a Radiance HDR": rb"#\?R(ADIANC|GB)E",
    "a PNM": rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s+\d+\s|P7\nWIDTH",
    "a DDS": rb"DDS \x7c\0\0\0",
}
"""How files begin of the pictures that descr doesn't read."""


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
        if kind := _unread_format(path):
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


def _unread_format(path: Path) -> str | None:
    """The kind of picture that a file holds, as in "a GIF", if descr doesn't read that kind."""
    with path.open("rb") as file:
        head = file.read(4096)
    return next((kind for kind, start in _SIGNATURES.items() if re.match(start, head, re.S)), None)


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
    except ImageError:
        raise
    except MemoryError as error:
        raise OutOfMemoryError(
            f"{label}: decoding it needs more memory than is free",
            hint="scale it down first, or close other programs",
        ) from error
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
