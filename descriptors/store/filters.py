"""The filters of chunks, each undone into no more room than the chunk states."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numcodecs import Fletcher32
from numcodecs.zstd import decompress

from .groups import FLETCHER32, UnreadableError


def _inflate(data: Any, room: int, *_: int) -> bytes:
    decoder = zlib.decompressobj()
    inflated = decoder.decompress(data, room + 1)
    if len(inflated) != room or not decoder.eof:
        raise UnreadableError("has a chunk of another size than it states")
    return inflated


def _expand(data: Any, room: int, *_: int) -> Any:
    # The size that the header of the frame states (RFC 8878, section 3.1.1.1); the decoder makes
    # room for so much.
    flags = data[4]
    start = 5 + (not flags & 0x20) + (0, 1, 2, 4)[flags & 3]
    width = (flags >> 5 & 1, 2, 4, 8)[flags >> 6]
    stated = int.from_bytes(data[start : start + width], "little") + (256 if width == 2 else 0)
    if stated != room:
        raise UnreadableError("has a chunk of another size than it states")
    return decompress(data)


def _unshuffle(data: Any, _: int, width: int) -> Any:
    # numcodecs refuses what is no multiple of the width, as with a checksum at its end.
    count = len(data) // width
    mixed, plain = np.frombuffer(data, np.uint8), np.empty(len(data), np.uint8)
    whole = slice(0, count * width)
    plain[whole].reshape(count, width)[...] = mixed[whole].reshape(width, count).T
    plain[whole.stop :] = mixed[whole.stop :]
    return plain


UNDO: Mapping[int, Callable[..., Any]] = {
    1: _inflate,
    2: _unshuffle,
    FLETCHER32: lambda data, *_: Fletcher32().decode(bytes(data)),
    32015: _expand,
}
"""By the number of a filter what undoes it, given data, size of the result and the first option."""
