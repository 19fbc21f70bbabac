"""What a JPEG file promises, read off its segments before it is decoded (ITU-T T.81, annex B)."""

import re
from collections.abc import Iterator

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""The markers that neither belong to a scan's data nor are fill bytes."""
_ALONE, _END, _SCAN = (0x01, 0xD8), 0xD9, 0xDA
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), (0xC2, 0xCA)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_UNUSED = {*range(0xE2, 0xF0), 0xFE} - {0xEE}
"""Segments that say nothing of the pixels: profiles, further pictures, comments; not Adobe's."""
_EXIF_OR_XMP = (b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0")

_SEGMENTS, _HEADERS = 10_000, 1 << 22
# Files that people make have some 10 scans. One without data takes up to 1 ns per pixel.
_SCANS, _SCANNED_PIXELS = 20, 2_000_000_000
# libjpeg fills a register of 64 bits ahead of what it decodes.
_LOOKAHEAD = 8


def first_picture(data: bytes) -> bytes:
    """The first picture of a JPEG file, without the segments that say nothing of its pixels.

    Where the file's data end early, a decoder runs short of data in it, although a marker behind
    the cut says that the picture ends. Of several scans the last may be cut so, unnoticed.
    Raises `ValueError` if the data end early, if scans are missing, or if there are too many.
    """
    start, end, headers, frame = 0, 0, [b"\xff\xd8"], (0, b"")
    scans: list[bytes] = []
    for code, place, body in _segments(data):
        end = place
        if code in _FRAMES:
            frame = code, body
        elif code == _SCAN:
            scans.append(body)
            start = start or place
        elif code == _END:
            break
        if not start and code not in _UNUSED and (code != 0xE1 or body.startswith(_EXIF_OR_XMP)):
            headers.append(data[place : place + 4 + len(body)])
    else:
        raise ValueError("its data end early")
    code, body = frame
    pixels = int.from_bytes(body[1:3]) * int.from_bytes(body[3:5])
    if len(scans) > max(_SCANS, _SCANNED_PIXELS // max(pixels, 1)):
        raise ValueError(f"{len(scans)} scans are too many for a picture of its size")
    if not _is_complete(code, body[6::3], scans):
        raise ValueError("scans of it are missing")
    if sum(map(len, headers)) > _HEADERS:
        raise ValueError("it begins with megabytes of headers")
    # A decoder that meets this marker where it expects data makes up pixels and says nothing; one
    # that meets the end of the file does. After several scans it needs the marker.
    alone = code in _SEQUENTIAL and len(scans) == 1
    return b"".join([*headers, data[start:end], bytes(_LOOKAHEAD) if alone else b"\xff\xd9"])


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Each segment's marker, where it begins, and what it holds."""
    place, count = 2, 0
    while marker := _MARKER.search(data, place):
        code, place = marker[0][1], marker.end()
        if code in _ALONE:
            continue
        # libjpeg takes a length below 2 for 2.
        length = 0 if code == _END else max(2, int.from_bytes(data[place : place + 2]))
        yield code, marker.start(), data[place + 2 : place + length]
        place += length
        count += 1
        if count > _SEGMENTS:
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
