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
from descr.descriptors.runtime.quiet import without_warnings
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


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize(
    "exif",
    [
        b"garbage",
        b"II*\0\x08\0\0\0\5\0\x12\1\3\0\1\0\0\0\6\0",
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0",
    ],
)
def test_a_picture_whose_exif_is_damaged_is_taken_as_it_lies(tmp_path, exif, suffix):
    path = save(tmp_path / f"cat.{suffix}", PIL.Image.fromarray(PICTURE), exif=b"Exif\0\0" + exif)
    with without_warnings(), PIL.Image.open(path) as image:
        expected = np.asarray(image)
        assert np.array_equal(read_image(image).pixels, expected)
    assert np.array_equal(read_image(path).pixels, expected)


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
    words = hashlib.sha256(struct.pack("<qq", 20, 30) + PICTURE.tobytes()).hexdigest()
    assert read_image(path).sha256 == words
    assert read_image(PICTURE.reshape(30, 20, 3)).sha256 != words


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
    with pytest.raises(
        ImageError, match=r"huge\.png is 60000 x 60000 pixels.*100 megapixels"
    ) as no:
        read_image(path)
    assert no.value.hint.startswith("scale it down first")
    assert "max_pixels" not in no.value.hint
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


@pytest.mark.parametrize(
    ("kind", "size", "reason"),
    [("WEBP", 100, "could not create decoder"), ("TIFF", 4, "its directory is cut off")],
)
def test_what_is_cut_off_early_is_told_so_and_what_to_do(tmp_path, kind, size, reason):
    path = tmp_path / "cut"
    path.write_bytes(encoded(kind)[:size])
    with pytest.raises(ImageError, match=f"cut is damaged or cut off: {reason}") as caught:
        read_image(path)
    assert caught.value.hint == "make or download the file again"


def test_what_is_not_an_image_is_refused_with_its_name(tmp_path):
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    with pytest.raises(ImageError, match=r"notes\.jpg is not an image"):
        read_image(text)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match=r"empty\.png is empty"):
        read_image(tmp_path / "empty.png")
    with pytest.raises(ImageError, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(ImageError, match=r"no such file: .*absent\.png"):
        read_image(tmp_path / "absent.png")


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("GIF", "a GIF"),
        ("AVIF", "an AVIF"),
        ("JPEG2000", "a JPEG 2000"),
        ("PDF", "a PDF"),
        ("EPS", "a PostScript file"),
        ("ICO", "an icon"),
        ("ICNS", "an icon"),
        ("PPM", "a PNM"),
        ("DDS", "a DDS"),
    ],
)
def test_a_picture_of_another_format_is_called_by_its_name(tmp_path, form, kind):
    buffer = io.BytesIO()
    PIL.Image.fromarray(render_picture(64, 64)).save(buffer, form)
    # The content counts, not the name.
    path = tmp_path / "picture.jpg"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ImageError, match=rf"picture\.jpg is {kind}, which is not read") as caught:
        read_image(path)
    assert caught.value.hint == "descr reads JPEG, PNG, WebP, TIFF and BMP: convert it to PNG"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "an AVIF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a camera's raw file"),
        (b"II*\0\x10\0\0\0CR\2\0", "a camera's raw file"),
        (b"FUJIFILMCCD-RAW 0201FF", "a camera's raw file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made -->\n<svg/>", "an SVG"),
        (b"v/1\1\2\0\0\0", "an OpenEXR"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "a Radiance HDR"),
    ],
)
def test_what_no_library_here_writes_is_told_by_its_first_bytes(tmp_path, start, kind):
    path = tmp_path / "picture.png"
    path.write_bytes(start + bytes(100))
    with pytest.raises(ImageError, match=rf"picture\.png is {kind}.*, which is not read"):
        read_image(path)


@pytest.mark.parametrize(
    "text",
    [
        "GIF files are not read",
        "P1 is the first of 3 points\n",
        "<!DOCTYPE html>\n<html><body><svg width='9'></svg></body></html>",
        "<?xml version='1.0'?>\n<html><svg></svg></html>",
        "%!",
        "8BPS",
        "DDS is a format",
        "<!---->" * 500,
    ],
)
def test_text_is_not_taken_for_a_picture(tmp_path, text):
    path = tmp_path / "page.svg"
    path.write_text(text)
    with pytest.raises(ImageError, match=r"page\.svg is not an image"):
        read_image(path)


@pytest.mark.parametrize("tags", [{50706: b"\1\4\0\0"}, {254: 1, 330: 8}])
def test_the_preview_in_a_raw_file_is_not_taken_for_the_photograph(tmp_path, tags):
    path = tmp_path / "photograph.tif"
    PIL.Image.fromarray(PICTURE).save(path, tiffinfo=tags)
    with pytest.raises(ImageError, match=r"photograph\.tif is a camera's raw file, which is not"):
        read_image(path)


@pytest.mark.parametrize("form", ["WEBP", "PNG", "TIFF"])
def test_of_several_frames_the_first_is_taken_and_their_number_told(tmp_path, form):
    frames = [PIL.Image.new("RGB", (30, 20), color) for color in ("red", "green", "blue")]
    path = tmp_path / "moving"
    options = {"lossless": True} if form == "WEBP" else {}
    frames[0].save(path, form, save_all=True, append_images=frames[1:], **options)
    image = read_image(path)
    assert image.frames == 3
    assert (image.pixels == (255, 0, 0)).all()
    frames[0].save(path, form)
    assert read_image(path).frames == 1


def test_the_second_picture_of_a_camera_is_none_of_several(tmp_path):
    frames = [PIL.Image.new("RGB", (30, 20), color) for color in ("red", "green")]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.jpg").frames == 1
    assert read_image(frames[0]).frames == read_image(PICTURE).frames == 1


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


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "webp", "jpg"])
def test_the_bytes_of_a_file_and_an_open_file_are_the_file(tmp_path, suffix):
    path = save(tmp_path / f"cat.{suffix}", PIL.Image.fromarray(PICTURE))
    expected = read_image(path)
    with path.open("rb") as file:
        for source in (path.read_bytes(), file):
            assert np.array_equal(read_image(source).pixels, expected.pixels)
    with path.open("rb") as file:
        assert read_image(file).name == path.name


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", r"image is empty \(0 bytes\)"),
        (b"nothing that is a picture", "image is not an image"),
        (io.StringIO("text"), "image is not open as bytes"),
        (b"\xff\xd8\xff" + bytes(100), "image is damaged or cut off"),
    ],
)
def test_bytes_that_are_no_image_are_refused(source, message):
    with pytest.raises(ImageError, match=message):
        read_image(source)


def test_tensors_have_their_channels_first():
    tensor = torch.from_numpy(PICTURE).permute(2, 0, 1)
    for form in (tensor, tensor / 255, (tensor / 255).requires_grad_()):
        assert np.array_equal(read_image(form).pixels, PICTURE)
    square = torch.zeros(3, 8, 3, dtype=torch.uint8)
    assert read_image(square).pixels.shape == (8, 3, 3)
