"""Image files as an attacker, a broken disk or a lost connection leaves them."""

import io
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from descr.applications.evaluation.datasets import DatasetError
from descr.applications.evaluation.datasets.annotations import read_labels
from descr.descriptors import read_image, read_mask
from descr.descriptors.errors import DescrError, ImageError, OutOfMemoryError
from descr.descriptors.runtime.quiet import without_warnings
from descr.descriptors.testing import render_picture
from hypothesis import given
from hypothesis import strategies as st
from support.mutations import examples, mutations

SIDES = 24, 16
MAX_PIXELS = 1_000_000


def encoded(form: str, image: PIL.Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image or PIL.Image.fromarray(render_picture(*SIDES))).save(buffer, form, **options)
    return buffer.getvalue()


def originals() -> dict[str, list[bytes]]:
    """Small files of each format, in the variants that take other ways through the decoders."""
    picture = PIL.Image.fromarray(render_picture(*SIDES))

    def moving() -> dict[str, object]:
        # Anew for each file: Pillow leaves settings of an encoder in what it saves.
        return {"save_all": True, "append_images": [picture.rotate(180)]}

    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description of the picture"
    lasting: dict[str, object] = {"exif": exif, "icc_profile": bytes(200)}
    modes = [picture.convert(mode) for mode in ("1", "L", "LA", "RGBA", "P")]
    deep = PIL.Image.fromarray(np.asarray(picture)[:, :, 0].astype(np.uint16) * 257)
    return {
        "JPEG": [
            encoded("JPEG", **lasting),
            encoded("JPEG", progressive=True),
            encoded("JPEG", restart_marker_blocks=1),
            encoded("JPEG", picture.convert("CMYK")),
            encoded("MPO", **moving()),
        ],
        "PNG": [
            encoded("PNG", **lasting),
            encoded("PNG", **moving()),
            encoded("PNG", modes[-1], transparency=3),
            *(encoded("PNG", one) for one in (*modes, deep)),
        ],
        "WEBP": [
            encoded("WEBP", **lasting),
            encoded("WEBP", lossless=True),
            encoded("WEBP", modes[3]),
            encoded("WEBP", **moving()),
        ],
        "TIFF": [
            *(encoded("TIFF", compression=f"tiff_{c}") for c in ("lzw", "adobe_deflate", "jpeg")),
            encoded("TIFF", modes[0], compression="group4"),
            encoded("TIFF", big_tiff=True, **lasting),
            encoded("TIFF", compression="lzma", tiffinfo={278: 4, 317: 2}),
            encoded("TIFF", **moving()),
            *(encoded("TIFF", one) for one in (*modes, deep)),
        ],
        "BMP": [encoded("BMP"), *(encoded("BMP", one) for one in (modes[0], modes[1], modes[3]))],
    }


ORIGINALS = originals()


def mended(data: bytes) -> bytes:
    """A PNG with its checksums right again."""
    whole, place = bytearray(data), 8
    while place + 12 <= len(whole):
        (length,) = struct.unpack_from(">I", whole, place)
        end = place + 8 + length
        if end + 4 > len(whole):
            break
        struct.pack_into(">I", whole, end, zlib.crc32(whole[place + 4 : end]))
        place = end + 4
    return bytes(whole)


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "picture")


def check(path: Path, data: bytes) -> None:
    """Fail unless the file is read as an image and a mask, or refused in one line."""
    path.write_bytes(data)
    try:
        image = read_image(path, max_pixels=MAX_PIXELS)
    except (ImageError, OutOfMemoryError) as error:
        check_line(path, error)
    else:
        assert image.pixels.dtype == np.uint8
        assert image.pixels.shape == (image.height, image.width, 3)
        assert image.height * image.width <= MAX_PIXELS
        assert image.frames >= 1
        try:
            mask = read_mask(path, height=image.height, width=image.width)
            assert mask.shape == (image.height, image.width)
            assert read_labels(path).shape == mask.shape
        except (ImageError, DatasetError) as error:
            check_line(path, error)


def check_line(path: Path, error: DescrError) -> None:
    assert str(path) in error.message
    assert "\n" not in str(error)


@pytest.mark.parametrize("form", ORIGINALS)
@given(data=st.data())
@examples(300)
def test_damaged_files_are_read_or_refused(path: Path, form: str, data: st.DataObject) -> None:
    check(path, data.draw(mutations(ORIGINALS[form])))


@given(mutations(ORIGINALS["PNG"]))
@examples(300)
def test_png_files_of_right_checksums(path: Path, data: bytes) -> None:
    check(path, mended(data))


@given(mutations(ORIGINALS["JPEG"]), st.sampled_from([b"", b"\xff\xd9", bytes(50)]))
@examples(300)
def test_jpeg_files_are_read_as_pillow_reads_them_or_refused(
    path: Path, data: bytes, tail: bytes
) -> None:
    path.write_bytes(data + tail)
    try:
        pixels = read_image(path, max_pixels=MAX_PIXELS).pixels
    except (ImageError, OutOfMemoryError):
        return
    try:
        with without_warnings(), PIL.Image.open(path) as image:
            expected = PIL.ImageOps.exif_transpose(image).convert("RGB")
    except PIL.UnidentifiedImageError:
        return  # For a segment that says nothing of the pixels.
    assert np.array_equal(pixels, np.asarray(expected))


def test_whole_files_are_read(path: Path) -> None:
    for files in ORIGINALS.values():
        for data in files:
            path.write_bytes(data)
            assert sorted((read_image(path).height, read_image(path).width)) == sorted(SIDES)
