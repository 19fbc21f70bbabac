"""What a TIFF file promises, read off its directories before it is decoded."""

import math
import struct
from typing import BinaryIO

import PIL.ImageFile

from ..errors import ImageError

_PAGES, _ENTRIES = 1 << 20, 1 << 16
# A number counts for 256 bytes: that is how long it takes.
_TAG_BYTES, _TILE_PIXELS = 1 << 28, 1 << 24
_BYTES = (1, 2, 6, 7)  # the types of a tag whose values are single bytes: texts, profiles, previews
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323


def count_pages(file: BinaryIO, label: str) -> int:
    """How many pages a TIFF file has; raises if a directory is cut off or far too long.

    Pillow's own count parses every directory twice, and compares it with all before it. The file is
    read from its beginning; `label` is what errors call it.
    """
    file.seek(0)
    head = file.read(16)
    order = "<" if head.startswith(b"II") else ">"
    length, entry, offset = ("Q", "HHQ8x", "Q") if 43 in head[2:4] else ("H", "HHI4x", "I")
    place = struct.unpack_from(order + offset, head, struct.calcsize(offset))[0]
    pages: set[int] = set()
    while place and place not in pages:
        file.seek(place)
        (count,) = struct.unpack(order + length, file.read(struct.calcsize(length)))
        size = count * struct.calcsize(order + entry)
        if count >= _ENTRIES or len(pages) > _PAGES:
            raise ImageError(f"{label} has too many pages or tags", hint="save one page alone")
        tags = struct.iter_unpack(order + entry, b"" if pages else file.read(size))
        if sum(n * (1 if kind in _BYTES else 256) for _, kind, n in tags) > _TAG_BYTES:
            raise ValueError("its tags hold far too much")
        pages.add(place)
        file.seek(place + struct.calcsize(length) + size)
        (place,) = struct.unpack(order + offset, file.read(struct.calcsize(offset)))
    return len(pages)


def check_tiles(image: PIL.ImageFile.ImageFile) -> None:
    """Raise `ValueError` if tiles or strips of an opened TIFF have far more pixels than it has."""
    tags = getattr(image, "tag_v2", {})
    width, height = tags[_WIDTH], tags[_HEIGHT]
    across, down = tags.get(_TILE_WIDTH) or width, tags.get(_TILE_HEIGHT) or height
    tile_pixels = math.ceil(width / across) * across * math.ceil(height / down) * down
    # Uncompressed strips are decoded by Pillow, as many as the file lists.
    boxes = [tile[1] or (0, 0, 0, 0) for tile in image.tile]
    box_pixels = sum((right - x) * (low - y) for x, y, right, low in boxes)
    if tile_pixels > max(4 * width * height, _TILE_PIXELS) or box_pixels > 6 * width * height:
        raise ValueError("its tiles are too large or too many")
