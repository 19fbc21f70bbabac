"""What a TIFF file promises, read off its directories before it is decoded."""

import math
import struct
from pathlib import Path

import PIL.ImageFile

_PAGES, _ENTRIES, _VALUES = 1 << 20, 1 << 16, 1 << 18
_TILED = 1 << 24
_BYTES = (1, 2, 6, 7)
"""The types of a tag whose values are single bytes: texts, profiles, previews."""
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323


def count_pages(path: Path) -> int:
    """How many pages a TIFF file has; raises if a directory is cut off or far too long.

    Pillow's own count parses every directory twice, and compares it with all before it.
    """
    with path.open("rb") as file:
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
                raise ValueError("it has too many tags or pages")
            if not pages and any(
                values > _VALUES and kind not in _BYTES
                for _, kind, values in struct.iter_unpack(order + entry, file.read(size))
            ):
                raise ValueError("a tag has hundreds of thousands of values")
            pages.add(place)
            file.seek(place + struct.calcsize(length) + size)
            (place,) = struct.unpack(order + offset, file.read(struct.calcsize(offset)))
    return len(pages)


def check_tiles(image: PIL.ImageFile.ImageFile) -> None:
    """Raise `ValueError` if tiles or strips of an opened TIFF have far more pixels than it has."""
    tags = getattr(image, "tag_v2", {})
    width, height = tags[_WIDTH], tags[_HEIGHT]
    across, down = tags.get(_TILE_WIDTH) or width, tags.get(_TILE_HEIGHT) or height
    tiled = math.ceil(width / across) * across * math.ceil(height / down) * down
    # Uncompressed strips are decoded by Pillow, as many as the file lists.
    boxes = [tile[1] or (0, 0, 0, 0) for tile in image.tile]
    listed = sum((right - x) * (low - y) for x, y, right, low in boxes)
    if tiled > max(4 * width * height, _TILED) or listed > 6 * width * height:
        raise ValueError("its tiles are too large or too many")
