import io

import numpy as np
import PIL.Image
import pytest
from descr.descriptors import read_image, read_mask
from descr.descriptors.errors import ImageError
from descr.descriptors.testing import render_picture
from support.hostile_images import scans

PHOTOGRAPH = PIL.Image.fromarray(render_picture(120, 160))
KINDS = {
    "baseline": {},
    "optimised": {"optimize": True, "subsampling": 0},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "many restarts": {"restart_marker_blocks": 2},
    "progressive restarts": {"progressive": True, "restart_marker_rows": 1},
}
END = b"\xff\xd9"


def encoded(image: PIL.Image.Image = PHOTOGRAPH, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    """What Pillow makes of a file."""
    with PIL.Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def check_refused(path, data, reason="is damaged or cut off"):
    path.write_bytes(data)
    with pytest.raises(ImageError, match=rf"cut\.jpg {reason}"):
        read_image(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.2, 0.4, 0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("tail", [0, 3, 5000, "rest"])
def test_data_that_end_early_are_refused_also_with_zeros_behind(tmp_path, kind, share, tail):
    whole = encoded(**KINDS[kind])
    cut = int(len(whole) * share)
    zeros = bytes(len(whole) - cut if tail == "rest" else tail)
    check_refused(tmp_path / "cut.jpg", whole[:cut] + zeros)


@pytest.mark.parametrize("kind", KINDS)
def test_files_without_their_end_are_refused(tmp_path, kind):
    data = encoded(**KINDS[kind])[:-2]
    for zeros in (0, 3, 5000 if "progressive" in kind else 7):
        check_refused(tmp_path / "cut.jpg", data + bytes(zeros))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "progressive" not in kind])
def test_padding_may_stand_for_the_end_of_a_whole_scan(tmp_path, kind):
    path = tmp_path / "cut.jpg"
    whole = encoded(**KINDS[kind])
    path.write_bytes(whole[:-2] + bytes(500))
    assert np.array_equal(read_image(path).pixels, pixels(whole))
    start = whole.index(b"\xff\xda") + 20
    for cut in np.linspace(start, len(whole) - 60, 25, dtype=int):
        check_refused(path, whole[:cut] + bytes(5000))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "progressive" not in kind])
@pytest.mark.parametrize("tail", [b"", bytes(100)])
def test_an_end_behind_the_cut_hides_nothing(tmp_path, kind, tail):
    whole = encoded(**KINDS[kind])
    start = whole.index(b"\xff\xda") + 20
    for cut in np.linspace(start, len(whole) - 60, 25, dtype=int):
        check_refused(tmp_path / "cut.jpg", whole[:cut] + END + tail)


@pytest.mark.parametrize("tail", [b"", bytes(100)])
def test_a_progressive_file_without_its_last_scans_is_refused(tmp_path, tail):
    whole = encoded(progressive=True)
    last = whole.rindex(b"\xff\xda")
    for cut in np.linspace(700, last, 25, dtype=int):
        check_refused(tmp_path / "cut.jpg", whole[:cut] + END + tail)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("tail", [b"", bytes(1000), b"\xff\xda\xff\xd8\xff\xff" * 99])
def test_whole_files_are_read_as_pillow_reads_them(tmp_path, kind, mode, tail):
    path = tmp_path / "whole.jpg"
    for width in (157, 160):
        image = PHOTOGRAPH.convert(mode).crop((0, 0, width, 113))
        data = encoded(image, **KINDS[kind])
        path.write_bytes(data + tail)
        assert np.array_equal(read_image(path).pixels, pixels(data))


def test_whole_files_of_any_size_have_all_that_the_decoder_needs(tmp_path):
    path = tmp_path / "whole.jpg"
    rng = np.random.default_rng(0)
    for side in range(2, 60):
        noise = rng.integers(0, 256, (side, 60 - side + 2, 3), dtype=np.uint8)
        for quality in (5, 60, 100):
            data = encoded(PIL.Image.fromarray(noise), quality=quality)
            path.write_bytes(data)
            assert np.array_equal(read_image(path).pixels, pixels(data))


def test_a_preview_is_no_part_of_the_picture(tmp_path):
    preview = encoded(PHOTOGRAPH.resize((16, 12)), progressive=True)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x927C] = preview
    data = encoded(exif=exif, comment=preview)
    path = tmp_path / "cut.jpg"
    path.write_bytes(data)
    assert read_image(path).pixels.shape == (160, 120, 3)
    for cut in (len(data) // 2, len(data) - 2):
        check_refused(path, data[:cut])


def test_an_orientation_in_xmp_is_obeyed(tmp_path):
    path = tmp_path / "turned.jpg"
    path.write_bytes(encoded(xmp=b'<rdf:Description tiff:Orientation="6"/>'))
    assert read_image(path).pixels.shape == (160, 120, 3)


def test_the_second_picture_of_a_camera_neither_counts_nor_matters(tmp_path):
    path = tmp_path / "cut.jpg"
    other = PIL.Image.new("RGB", PHOTOGRAPH.size, "green")
    PHOTOGRAPH.save(path, "MPO", save_all=True, append_images=[other])
    both = path.read_bytes()
    assert np.array_equal(read_image(path).pixels, pixels(both))
    path.write_bytes(both[:-200])
    assert np.array_equal(read_image(path).pixels, pixels(both))
    check_refused(path, both[: both.index(b"\xff\xda") + 300])


def test_a_picture_that_begins_twice_is_refused(tmp_path):
    check_refused(tmp_path / "cut.jpg", b"\xff\xd8" + encoded())


def test_as_many_scans_as_people_use_are_read(tmp_path):
    path = tmp_path / "many.jpg"
    path.write_bytes(scans(190, side=32))
    assert read_image(path).width == 32


def test_masks_are_checked_as_images_are(tmp_path):
    path = tmp_path / "cut.jpg"
    whole = encoded(PHOTOGRAPH.convert("L"))
    path.write_bytes(whole[: len(whole) // 2] + END)
    with pytest.raises(ImageError, match=r"cut\.jpg is damaged or cut off"):
        read_mask(path, height=120, width=160)
