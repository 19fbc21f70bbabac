import hashlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from descr.descriptors import SIFT, read_image, read_mask
from descr.descriptors.errors import ImageError, OptionError
from descr.descriptors.testing import render_picture

PICTURE = render_picture(20, 30)


def save(path: Path, image: PIL.Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "webp"])
def test_lossless_formats_give_the_pixels(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"cat.{suffix}", PIL.Image.fromarray(PICTURE), **options)
    image = read_image(path)
    assert np.array_equal(image.pixels, PICTURE)
    assert (image.name, image.height, image.width) == (f"cat.{suffix}", 20, 30)


def test_jpeg_gives_nearly_the_pixels(tmp_path):
    path = save(tmp_path / "cat.jpg", PIL.Image.fromarray(PICTURE), quality=98, subsampling=0)
    assert np.abs(read_image(str(path)).pixels.astype(int) - PICTURE).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: lambda a: np.rot90(a, 1),
    }
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :8] = 255
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"turned.{suffix}", PIL.Image.fromarray(stored), exif=exif)
    expected = turns[orientation](stored)
    pixels = read_image(path).pixels
    assert pixels.shape == expected.shape
    assert ((pixels > 127) == (expected > 127)).all()


def test_grey_palette_and_bilevel_become_rgb(tmp_path):
    grey = PICTURE[:, :, 0]
    path = save(tmp_path / "grey.png", PIL.Image.fromarray(grey))
    assert np.array_equal(read_image(path).pixels, np.repeat(grey[:, :, None], 3, axis=2))
    palette = PIL.Image.fromarray(PICTURE).quantize(256)
    path = save(tmp_path / "palette.png", palette)
    assert np.array_equal(read_image(path).pixels, np.asarray(palette.convert("RGB")))
    bilevel = PIL.Image.fromarray(grey).convert("1")
    path = save(tmp_path / "bilevel.png", bilevel)
    assert np.array_equal(read_image(path).pixels[:, :, 1], np.asarray(bilevel) * np.uint8(255))


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bits_are_scaled_not_clipped(tmp_path, suffix):
    deep = np.linspace(0, 65535, 600).reshape(20, 30).astype(np.uint16)
    path = save(tmp_path / f"deep.{suffix}", PIL.Image.fromarray(deep))
    expected = np.floor(deep / 257 + 0.5).astype(np.uint8)
    assert np.array_equal(read_image(path).pixels[:, :, 0], expected)
    assert np.array_equal(read_image(deep).pixels[:, :, 0], expected)


@pytest.mark.parametrize(("mode", "word"), [("I", "32-bit"), ("F", "floating-point")])
def test_pixels_of_unknown_range_are_refused(tmp_path, mode, word):
    path = save(tmp_path / "deep.tiff", PIL.Image.new(mode, (8, 8), 200))
    with pytest.raises(ImageError, match=f"deep.tiff holds {word} pixels"):
        read_image(path)


def test_cmyk_becomes_rgb(tmp_path):
    path = save(tmp_path / "print.jpg", PIL.Image.new("CMYK", (16, 16), (0, 255, 255, 0)))
    red, green, blue = read_image(path).pixels.reshape(-1, 3).mean(axis=0)
    assert red > 220
    assert max(green, blue) < 40


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_transparency_lies_over_white(tmp_path, mode):
    image = PIL.Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    path = save(tmp_path / "cut.png", image.quantize(4) if mode == "P" else image)
    pixels = read_image(image.convert(mode) if mode in ("LA", "PA") else path).pixels
    assert (pixels[:, :4] == 0).all()
    assert (pixels[:, 4:] == 255).all()


def test_half_transparent_black_over_white_is_grey():
    array = np.zeros((4, 4, 4), np.uint8)
    array[..., 3] = 128
    assert np.unique(read_image(array).pixels) == pytest.approx([127], abs=1)


def test_arrays_of_every_documented_kind_agree():
    grey = np.repeat(PICTURE[:, :, :1], 3, axis=2)
    for same in (PICTURE[:, :, 0], PICTURE[:, :, :1], grey, grey / 255.0, grey.astype("f4") / 255):
        assert np.array_equal(read_image(same).pixels, grey)
    bits = PICTURE[:, :, 0] > 100
    assert np.array_equal(read_image(bits).pixels[:, :, 2], bits * np.uint8(255))


def test_tensors_are_arrays_wherever_they_are_and_whatever_they_are_part_of():
    grey = np.repeat(PICTURE[:, :, :1], 3, axis=2)
    pixels = torch.from_numpy(grey / 255.0).requires_grad_()
    for tensor in (torch.from_numpy(grey), pixels, pixels * 1, pixels.float()[:, :, 0]):
        assert np.array_equal(read_image(tensor).pixels, grey)
    masks = [read_mask(mask, height=20, width=30) for mask in (pixels[:, :, 0], grey[:, :, 0])]
    assert np.array_equal(*masks)
    with pytest.raises(OptionError, match="takes a list of images"):
        SIFT().extract(pixels)


@pytest.mark.parametrize("source", [torch.zeros(4, 4, dtype=torch.bfloat16), [[1, 2], [3]]])
def test_what_is_no_array_is_named(source):
    with pytest.raises(ImageError, match=r"^the array can't be read as an array: "):
        read_image(source)


def test_an_array_with_negative_strides_is_read_and_left_alone():
    array = PICTURE[::-1, :, ::-1]
    assert np.array_equal(read_image(array).pixels, array)
    assert PICTURE.flags.writeable


def test_the_hash_is_of_the_shape_and_the_upright_pixels(tmp_path):
    path = save(tmp_path / "cat.png", PIL.Image.fromarray(PICTURE))
    said = hashlib.sha256(struct.pack("<qq", 20, 30) + PICTURE.tobytes()).hexdigest()
    assert read_image(path).sha256 == said
    assert read_image(PICTURE.reshape(30, 20, 3)).sha256 != said


def huge_png(side: int) -> bytes:
    """A valid header of a 1-bit PNG of side x side pixels, and a start of data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def test_the_pixel_cap_is_checked_before_decoding(tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(huge_png(60_000))
    with pytest.raises(ImageError, match=r"huge\.png is 60000 x 60000 pixels.*100 megapixels"):
        read_image(path)
    with pytest.raises(ImageError, match=r"limit of 0\.0005 megapixels"):
        read_image(PICTURE, max_pixels=500)
    assert read_image(PICTURE, max_pixels=600).width == 30


def test_the_cap_may_exceed_the_limit_of_the_decoder(tmp_path, monkeypatch):
    path = save(tmp_path / "cat.png", PIL.Image.fromarray(PICTURE))
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    assert read_image(path).width == 30
    assert PIL.Image.MAX_IMAGE_PIXELS == 100


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(render_picture(64, 64)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9])
def test_cut_off_files_are_refused(tmp_path, kind, share):
    whole = encoded(kind)
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ImageError, match=f"cut.{kind.lower()}"):
        read_image(path)


def test_what_is_not_an_image_is_refused_with_its_name(tmp_path):
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    with pytest.raises(ImageError, match=r"notes\.jpg is not an image"):
        read_image(text)
    gif = save(tmp_path / "moving.gif", PIL.Image.fromarray(PICTURE))
    with pytest.raises(ImageError, match=r"moving\.gif is not an image.*JPEG, PNG, WebP"):
        read_image(gif)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match=r"empty\.png is empty"):
        read_image(tmp_path / "empty.png")
    with pytest.raises(ImageError, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(ImageError, match=r"no such file: .*absent\.png"):
        read_image(tmp_path / "absent.png")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 20, 30)), r"shape \(3, 20, 30\)"),
        (np.zeros(5), r"shape \(5,\)"),
        (np.zeros((0, 4, 3), np.uint8), "empty"),
        (np.full((4, 4), 2.0), "floats from 2 to 2"),
        (np.full((4, 4), np.nan), "NaN"),
        (np.zeros((4, 4), np.int64), "type int64"),
        (np.zeros((1, 1, 3), np.uint8), "1 x 1 pixels: too small"),
        (np.zeros((1, 9, 3), np.uint8), "9 x 1 pixels: too small"),
    ],
)
def test_arrays_that_are_no_images_are_refused(array, message):
    with pytest.raises(ImageError, match=message):
        read_image(array)


def test_a_name_that_is_no_valid_text_is_made_one(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    try:
        PIL.Image.fromarray(PICTURE).save(path)
    except OSError:
        pytest.skip("this file system takes valid text alone")
    assert read_image(path).name == "caf\ufffd.png"
