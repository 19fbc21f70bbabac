"""Files of images opened and decoded, with every way in which that fails as one clear error."""

import io
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TypeAlias

import PIL.Image
import PIL.ImageFile
import PIL.ImageOps

from ..errors import ImageError, OutOfMemoryError
from ..runtime.quiet import tame_libtiff, without_warnings
from .jpeg import first_picture
from .tiff import check_tiles, count_pages

Source: TypeAlias = Path | io.BytesIO
"""A file: its path, or what it holds."""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
MAX_PIXELS = 100_000_000
_RLE_PIXELS = 4_000_000
_WEBP_BYTES, _BMP_BYTES = 1 << 28, 1 << 20

_TOO_LARGE = "it is far larger than its pixels"
_FORMAT_HINT = "descr reads JPEG, PNG, WebP, TIFF and BMP"
_SUBFILE_TYPE, _SUB_FILES, _DNG_VERSION = 254, 330, 50706
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"II\0*", b"MM*\0")
# What Pillow raises on an EXIF that it can't read. The picture is then taken as it lies.
_BAD_EXIF = SyntaxError, ValueError, TypeError, AttributeError, LookupError, OSError, struct.error
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
def open_header(
    source: Source, max_pixels: int, label: str = ""
) -> Iterator[tuple[PIL.ImageFile.ImageFile, int]]:
    """A file's first picture, checked but not decoded, and how many frames or pages the file has.

    `label` is what errors call the file: its path by default. What is raised within is an
    `ImageError` too.
    """
    label = label or str(source)
    with decoding(label), ExitStack() as stack:
        image, frames = _open(source, label, max_pixels)
        stack.enter_context(image)
        tags = getattr(image, "tag_v2", {})
        # Most raw files are TIFF by form, with a small preview in the first place.
        if _DNG_VERSION in tags or (tags.get(_SUBFILE_TYPE) == 1 and _SUB_FILES in tags):
            raise _unread(label, "a camera's raw file")
        check_size(image.width, image.height, label, max_pixels)
        yield image, frames


@contextmanager
def open_picture(
    source: Source | PIL.Image.Image, max_pixels: int, label: str = ""
) -> Iterator[tuple[PIL.Image.Image, int]]:
    """As `open_header`, with the picture decoded and upright; an open one stays as it is."""
    if isinstance(source, PIL.Image.Image):
        with decoding(label):
            check_size(source.width, source.height, label, max_pixels)
            source.load()
            with suppress(*_BAD_EXIF):
                source = PIL.ImageOps.exif_transpose(source)
            yield source, 1
        return
    with open_header(source, max_pixels, label) as (file, frames):
        file.load()
        with suppress(*_BAD_EXIF):
            PIL.ImageOps.exif_transpose(file, in_place=True)
        yield file, frames


def _unread(label: str, kind: str) -> ImageError:
    hint = f"{_FORMAT_HINT}: convert it to PNG"
    return ImageError(f"{label} is {kind}, which is not read", hint=hint)


def _open(source: Source, label: str, max_pixels: int) -> tuple[PIL.ImageFile.ImageFile, int]:
    """The file as Pillow opens it, if it is one to open, and the number of its frames."""
    try:
        if isinstance(source, Path):
            _check_file(source)
        with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
            head = file.read(4096)
            if not head:
                raise ImageError(f"{label} is empty (0 bytes)")
            for kind, start in _SIGNATURES.items():
                if re.match(start, head, re.S):
                    raise _unread(label, kind)
            if head.startswith(b"\xff\xd8\xff"):
                file.seek(0)
                return _opened_by_pillow(io.BytesIO(first_picture(file))), 1
            if head[8:12] == b"WEBP":
                # Pillow takes the memory of two such pictures, and of the file, when it opens one.
                width, height = _webp_size(head)
                check_size(width, height, label, max_pixels)
                size = 8 + int.from_bytes(head[4:8], "little")
                if size > 4 * width * height + _WEBP_BYTES:
                    raise ValueError(_TOO_LARGE)
                file.seek(0)
                source = io.BytesIO(file.read(size))
            pages = count_pages(file, label) if head.startswith(_TIFF) else 0
            length = file.seek(0, io.SEEK_END)
            file.seek(0)
        image = _opened_by_pillow(source)
        if pages:
            check_tiles(image)
        if any(tile[0] == "bmp_rle" for tile in image.tile):
            # Pillow decodes these in Python, 4 megapixels in some seconds. Each pixel and each end
            # of a row takes two bytes at most.
            check_size(image.width, image.height, label, min(max_pixels, _RLE_PIXELS))
            if length > 2 * (image.width + 1) * image.height + _BMP_BYTES:
                raise ValueError(_TOO_LARGE)
        return image, pages or getattr(image, "n_frames", 1)
    except PIL.UnidentifiedImageError:
        raise ImageError(f"{label} is not an image", hint=_FORMAT_HINT) from None
    except struct.error:
        raise ValueError("its directory is cut off") from None
    except OSError as error:
        if not error.strerror:
            raise  # Pillow says so that the file is damaged.
        raise ImageError(f"cannot read {label}: {error.strerror}") from error


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ImageError(f"{path} is a folder, not an image", hint="give the path of one file")
    if not path.exists():
        raise ImageError(f"no such file: {path}")
    if not path.is_file():
        raise ImageError(f"{path} is not a regular file")


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height in pixels, of an animation's canvas too."""
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
        return width + 1, height + 1
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return width, height


def _opened_by_pillow(file: Source) -> PIL.ImageFile.ImageFile:
    # Pillow has a limit of its own, a process-wide variable. Ours may be larger.
    with _PILLOW_LIMIT:
        limit = PIL.Image.MAX_IMAGE_PIXELS
        PIL.Image.MAX_IMAGE_PIXELS = None
        try:
            image = PIL.Image.open(file, formats=FORMATS)
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = limit
    # A file without a name is not mapped into memory: were it cut off then, the process would end.
    image.filename = ""
    return image


@contextmanager
def decoding(label: str) -> Iterator[None]:
    """Turn what Pillow's decoders raise on damaged data, whatever its type, into an ImageError."""
    tame_libtiff()
    try:
        with without_warnings():
            yield
    except ImageError:
        raise
    except Exception as error:
        # Pillow's decoders say it in words.
        if isinstance(error, MemoryError) or "out of memory" in str(error):
            raise OutOfMemoryError(
                f"{label}: decoding it needs more memory than is free",
                hint="scale it down first, or close other programs",
            ) from error
        reason = str(error).strip().rstrip(".") or type(error).__name__
        hint = "make or download the file again"
        raise ImageError(f"{label} is damaged or cut off: {reason}", hint=hint) from error


def check_size(width: int, height: int, label: str, max_pixels: int) -> None:
    """Raise `ImageError` if a picture has too many pixels."""
    if width * height > max_pixels:
        raise ImageError(
            f"{label} is {width} x {height} pixels: more than the limit of "
            f"{max_pixels / 1e6:g} megapixels",
            hint="scale it down first, as in: magick big.png -resize 4000x4000 smaller.png",
        )
