"""Image files that somebody has made to do harm: small, and of much work or memory to decode."""

import functools
import io
import struct
import zlib
from collections.abc import Callable
from typing import TypeAlias

import PIL.Image
from descr.descriptors.testing import render_picture

Craft: TypeAlias = Callable[[], bytes]
CRAFTS: dict[str, tuple[Craft, str, int]] = {}
"""By name: how a file begins; what reading it says, or its width, height and frames; how many
bytes of zeros follow, which take no room on disk."""

MANY = 1 << 30
ZEROS = zlib.compress(bytes(1 << 28))


def craft(outcome: str, zeros: int = 0) -> Callable[[Craft], Craft]:
    def add(function: Craft) -> Craft:
        CRAFTS[function.__name__] = function, outcome, zeros
        return function

    return add


def encoded(kind: str, side: int = 64, **options: object) -> bytes:
    """A picture of side x side pixels as Pillow writes it."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(render_picture(side, side)).save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(side: int, data: bytes, *chunks: bytes) -> bytes:
    """A grey PNG of side x side pixels with this compressed data, and chunks before it."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    data = png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + data


def tiff(*pages: dict[int, tuple[int, list[int]]]) -> bytes:
    """A little-endian TIFF of these pages: by tag, a type (3 or 4) and values."""
    data = b"II*\0"
    body = b""
    for number, tags in enumerate(pages, 1):
        directory = 8 + len(body)
        entries, long = b"", b""
        for tag, (kind, values) in sorted(tags.items()):
            packed = struct.pack(f"<{len(values)}{'HI'[kind - 3]}", *values)
            if len(packed) > 4:
                place = directory + 2 + 12 * len(tags) + 4 + len(long)
                long += packed + bytes(len(packed) % 2)
                packed = struct.pack("<I", place)
            entries += struct.pack("<HHI4s", tag, kind, len(values), packed)
        end = directory + 2 + len(entries) + 4 + len(long)
        following = end if number < len(pages) else 0
        body += struct.pack("<H", len(tags)) + entries + struct.pack("<I", following) + long
    return data + struct.pack("<I", 8) + body


def grey(width: int, height: int, compression: int = 1) -> dict[int, tuple[int, list[int]]]:
    """Tags of a grey page, as yet without data."""
    return {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [8]),
        259: (3, [compression]),
        262: (3, [1]),
        277: (3, [1]),
    }


@craft("is 16383 x 16383 pixels: more than the limit")
def webp_of_a_huge_canvas() -> bytes:
    frames = [PIL.Image.new("RGB", (2, 2), color) for color in ("red", "green")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    data = bytearray(buffer.getvalue())
    data[24:30] = (16382).to_bytes(3, "little") * 2
    return bytes(data)


@craft("4000 4000 2")
def webp_of_a_large_canvas() -> bytes:
    data = bytearray(webp_of_a_huge_canvas())
    data[24:30] = (3999).to_bytes(3, "little") * 2
    return bytes(data)


def bmp(side: int, data: bytes) -> bytes:
    """A run-length BMP of side x side pixels with this data."""
    header = struct.pack("<IIIHHIIIIII", 40, side, side, 1, 8, 1, 0, 0, 0, 256, 0)
    data = header + bytes(1024) + data
    return b"BM" + struct.pack("<III", 14 + len(data), 0, 54 + 1024) + data


@craft("is 10000 x 10000 pixels: more than the limit of 4 megapixels")
def bmp_of_large_rows() -> bytes:
    return bmp(10_000, b"\1\1\0\0" * 10_000)


@craft("it is far larger than its pixels")
def bmp_of_moves_to_nowhere() -> bytes:
    return bmp(100, b"\0\2\0\0" * 5_000_000)


@craft("1000 1000 1")
def bmp_of_runs_of_one_pixel() -> bytes:
    return bmp(1000, (b"\1\1" * 1000 + b"\0\0") * 1000)


@craft("4000 4000 1")
def png_interlaced() -> bytes:
    data = bytearray(png(4000, zlib.compress(bytes(16_100_000), 9)))
    data[28] = 1
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@craft("is 16384 x 16384 pixels: more than the limit")
def webp_of_huge_sides() -> bytes:
    data = bytearray(encoded("WEBP", lossless=True))
    data[21:25] = (0x3FFF << 14 | 0x3FFF).to_bytes(4, "little")
    return bytes(data)


@craft("64 64 1", zeros=MANY)
def webp_before_much_else() -> bytes:
    return encoded("WEBP")


@craft("it is far larger than its pixels", zeros=MANY)
def webp_that_claims_much() -> bytes:
    data = encoded("WEBP")
    return data[:4] + MANY.to_bytes(4, "little") + data[8:]


@functools.cache
def scans(count: int, side: int = 1000) -> bytes:
    """A progressive JPEG with so many scans more, each of which looks at all of the luminance."""
    whole = encoded("JPEG", side, progressive=True)
    # The code 0 means that 2**14 blocks or more bring nothing new.
    table = b"\xff\xc4\0\x14\x10\1" + bytes(15) + b"\xe0"
    return whole[:-2] + table + b"\xff\xda\0\x08\1\1\0\1\x3f\x10\0" * count + whole[-2:]


@craft("5010 scans are too many")
def jpeg_of_many_scans() -> bytes:
    return scans(5_000)


@craft("it has more than 10000 segments")
def jpeg_of_many_segments() -> bytes:
    whole = encoded("JPEG")
    return whole[:2] + b"\xff\xfe\0\2" * 500_000 + whole[2:]


@craft("it has more than 10000 segments")
def jpeg_of_many_markers_alone() -> bytes:
    return b"\xff\xd8" + b"\xff\1" * 10_000_000


@craft("it is far larger than its pixels", zeros=MANY)
def jpeg_before_much_nothing() -> bytes:
    return encoded("JPEG")[:1000]


@craft("64 64 1", zeros=MANY)
def jpeg_before_much_else() -> bytes:
    return encoded("JPEG")


@craft("64 64 1")
def jpeg_of_much_rubbish() -> bytes:
    whole = encoded("JPEG")
    return whole[:2] + b"\xff\xe0\0\2" + bytes(10_000_000) + whole[2:]


@craft("it begins with megabytes of headers")
def jpeg_of_many_exif_segments() -> bytes:
    whole = encoded("JPEG")
    return whole[:2] + (b"\xff\xe1\xff\xffExif\0\0" + bytes(65527)) * 500 + whole[2:]


@craft("8 8 10000")
def tiff_of_many_pages() -> bytes:
    page = {**grey(8, 8), 273: (4, [8]), 279: (4, [64])}
    return tiff(*[page] * 10_000)


@craft("its tiles are too large or too many")
def tiff_of_a_huge_tile() -> bytes:
    data = ZEROS
    side = 1 << 14
    tags = {**grey(8, 8, 8), 322: (4, [side]), 323: (4, [side]), 325: (4, [len(data)])}
    start = len(tiff({**tags, 324: (4, [0])}))
    return tiff({**tags, 324: (4, [start])}) + data


@craft("its tiles are too large or too many")
def tiff_of_many_strips() -> bytes:
    strips = [8] * 100_000
    return tiff({**grey(64, 64), 273: (4, strips), 278: (4, [32]), 279: (4, strips)})


@craft("its tags hold far too much")
def tiff_of_millions_of_strips() -> bytes:
    strips = [8] * 2_000_000
    return tiff({**grey(64, 64), 273: (4, strips), 278: (4, [32]), 279: (4, strips)})


@craft("its tags hold far too much", zeros=MANY)
def tiff_of_a_huge_text() -> bytes:
    page = tiff({**grey(8, 8), 273: (4, [8]), 279: (4, [64]), 700: (4, [8])})
    place = page.index(struct.pack("<HH", 700, 4))
    return page[:place] + struct.pack("<HHII", 700, 1, MANY, 8) + page[place + 12 :]


@craft("its tags hold far too much")
def tiff_of_overlapping_texts() -> bytes:
    entries = b"".join(struct.pack("<HHII", tag, 2, 1_000_000, 8) for tag in range(700, 1700))
    directory = struct.pack("<H", 1000) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(1_000_000)


@craft("decoder error")
def tiff_of_many_scans() -> bytes:
    data = scans(5_000)
    tags = {**grey(1000, 1000, 7), 278: (4, [1000]), 279: (4, [len(data)])}
    tags |= {258: (3, [8, 8, 8]), 262: (3, [6]), 277: (3, [3]), 530: (3, [2, 2])}
    return tiff({**tags, 273: (4, [len(tiff({**tags, 273: (4, [0])}))])}) + data


@craft("decoder error")
def tiff_of_an_absurd_strip() -> bytes:
    tags = {**grey(2000, 2000, 8), 278: (4, [2**32 - 1]), 279: (4, [2**32 - 1])}
    return tiff({**tags, 273: (4, [8])}) + zlib.compress(bytes(1 << 24), 9)


@craft("8 8 100001")
def tiff_of_one_directory_after_the_other() -> bytes:
    page = tiff({**grey(8, 8), 273: (4, [8]), 279: (4, [64])})
    # Each place is a directory without tags that names the next.
    first = len(page)
    pages = b"".join(struct.pack("<HI", 0, first + 6 * n) for n in range(1, 100_000))
    return page[:-4] + struct.pack("<I", first) + pages + bytes(6)


@craft("has too many pages or tags")
def tiff_of_billions_of_tags() -> bytes:
    return b"II\x2b\0" + struct.pack("<HHQQ", 8, 0, 16, 2**33)


@craft("8 8 1")
def png_of_many_chunks() -> bytes:
    return png(8, zlib.compress(bytes(72)), png_chunk(b"teSt", b"") * 200_000)


@craft("image file is truncated")
def png_of_many_pieces() -> bytes:
    data = zlib.compress(bytes(72))
    return png(8, data[:4], png_chunk(b"IDAT", b"") * 200_000)


@craft("8 8 2147483649")
def apng_of_billions_of_frames() -> bytes:
    frames = png_chunk(b"acTL", struct.pack(">II", 2**31, 0))
    return png(8, zlib.compress(bytes(72)), frames)


@craft("8 8 1")
def png_of_overlapping_exif() -> bytes:
    size = 500_000
    entries = b"".join(struct.pack("<HHII", tag, 7, size, 8) for tag in range(1000, 60_000))
    exif = b"II*\0" + struct.pack("<IH", 8, 59_000) + entries + bytes(size)
    return png(8, zlib.compress(bytes(72)), png_chunk(b"eXIf", exif))


@craft("8 8 1")
def png_of_more_data_than_pixels() -> bytes:
    return png(8, ZEROS)


@craft("Decompressed data too large")
def png_of_a_huge_profile() -> bytes:
    return png(8, zlib.compress(bytes(72)), png_chunk(b"iCCP", b"a\0\0" + ZEROS))


@craft("Too much memory used")
def png_of_huge_texts() -> bytes:
    text = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20), 9))
    return png(8, zlib.compress(bytes(72)), text * 100)


@craft("64 64 1")
def jpeg_of_overlapping_exif() -> bytes:
    entries = b"".join(struct.pack("<HHII", tag, 7, 60_000, 8) for tag in range(1000, 6000))
    exif = b"II*\0" + struct.pack("<IH", 8, 5000) + entries + bytes(4)
    return encoded("JPEG", exif=exif[:65_000])
