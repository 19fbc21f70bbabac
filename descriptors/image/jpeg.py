"""What a JPEG file promises, read off its segments before it is decoded (ITU-T T.81, annex B)."""

import re
from collections.abc import Iterator
from typing import BinaryIO

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""The markers that neither belong to a scan's data nor are fill bytes."""
_ALONE, _START, _END, _SCAN = 0x01, 0xD8, 0xD9, 0xDA
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), (0xC2, 0xCA)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_UNUSED = {*range(0xE2, 0xF0), 0xFE} - {0xEE}
"""Segments that say nothing of the pixels: profiles, further pictures, comments; not Adobe's."""
_EXIF_OR_XMP = (b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0")

_SEGMENTS, _HEADERS = 10_000, 1 << 22
# Noise at the best quality takes some 4 bytes a pixel. A segment is no longer than a piece.
_PIXEL_BYTES, _OTHER_BYTES, _MOST_BYTES, _PIECE = 8, 1 << 25, 1 << 30, 1 << 16
# Files that people make have some 10 scans. One without data takes up to 1 ns per pixel.
_SCANS, _SCANNED_PIXELS = 20, 2_000_000_000
# libjpeg fills a register of 64 bits ahead of what it decodes.
_LOOKAHEAD = bytes(8)


def first_picture(file: BinaryIO) -> bytes:
    """The first picture of a JPEG file, without the segments that say nothing of its pixels.

    Where the file's data end early, a decoder runs short of data in it, although zeros or a marker
    behind the cut say otherwise. Of several scans the last may be cut before a marker, unnoticed.
    Raises `ValueError` if the data end early, if scans are missing, or if there is too much.
    """
    data, start, end, headers, kind, frame = bytearray(), 0, 0, [b"\xff\xd8"], 0, b""
    scans: list[bytes] = []
    for code, place, body in _segments(file, data):
        if code in _FRAMES:
            kind, frame = code, body
        elif code == _SCAN:
            scans.append(body)
            start = start or place
        elif code == _END:
            end = place
            break
        if not start and code not in _UNUSED and (code != 0xE1 or body.startswith(_EXIF_OR_XMP)):
            headers.append(bytes(data[place : place + 4 + len(body)]))
    alone = kind in _SEQUENTIAL and len(scans) == 1
    if not end and not (alone and data.endswith(_LOOKAHEAD)):
        raise ValueError("its data end early")
    if len(scans) > max(_SCANS, _SCANNED_PIXELS // max(_pixels(frame), 1)):
        raise ValueError(f"{len(scans)} scans are too many for a picture of its size")
    if not _is_complete(kind, frame[6::3], scans):
        raise ValueError("scans of it are missing")
    if sum(map(len, headers)) > _HEADERS:
        raise ValueError("it begins with megabytes of headers")
    # A decoder that meets this marker where it expects data makes up pixels and says nothing; one
    # that meets the end of the file does. After several scans it needs the marker. Zeros in its
    # place are padding, of which a decoder would make pixels too.
    scan = data[start:end] if end else data[start:].rstrip(b"\0")
    return b"".join([*headers, scan, _LOOKAHEAD if alone else b"\xff\xd9"])


def _pixels(frame: bytes) -> int:
    return int.from_bytes(frame[1:3]) * int.from_bytes(frame[3:5])


def _segments(file: BinaryIO, data: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """Each segment's marker, where it begins, and what it holds, as `data` grows by the file."""
    place, limit = 2, _OTHER_BYTES
    for _ in range(_SEGMENTS):
        while not (marker := _MARKER.search(data, place)):
            place = max(place, len(data) - 1)
            if len(data) > limit:
                raise ValueError("it is far larger than its pixels")
            if not (piece := file.read(_PIECE)):
                return
            data += piece
        code, place = marker[0][1], marker.end()
        if code == _START:
            raise ValueError("another picture begins within it")
        if code == _ALONE:
            continue
        data += file.read(max(0, place + _PIECE - len(data)))
        # libjpeg takes a length below 2 for 2.
        length = 0 if code == _END else max(2, int.from_bytes(data[place : place + 2]))
        body = bytes(data[place + 2 : place + length])
        if code in _FRAMES:
            limit = min(_MOST_BYTES, _OTHER_BYTES + _PIXEL_BYTES * _pixels(body))
        yield code, marker.start(), body
        place += length
    raise ValueError(f"it has more than {_SEGMENTS} segments")


def _is_complete(code: int, components: bytes, scans: list[bytes]) -> bool:
    """Whether the scans bring every coefficient of every component to its last bit."""
    missing = {component: [True] * 64 for component in components}
    for scan in scans:
        # T.81, B.2.3: the components, the band of coefficients, and how many bits remain.
        first, last, bits = scan[-3:] if code in _PROGRESSIVE else (0, 63, 0)
        for component in scan[1:-3:2]:
            if component in missing:
                missing[component][first : last + 1] = [bits & 15 > 0] * (last + 1 - first)
    return bool(missing) and not any(map(any, missing.values()))
