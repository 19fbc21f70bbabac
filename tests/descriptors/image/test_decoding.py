import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from descr.descriptors import read_image
from descr.descriptors.errors import ImageError, OutOfMemoryError
from descr.descriptors.image.decoding import decoding
from descr.descriptors.runtime.quiet import without_warnings
from descr.descriptors.testing import render_picture
from support.hostile_images import CRAFTS

PICTURE = render_picture(20, 30)


def test_threads_that_decode_leave_the_warnings_of_others_alone(tmp_path, monkeypatch):
    """A begins, B begins, A ends, B ends; here warnings are errors all the while."""
    path = tmp_path / "cat.png"
    PIL.Image.fromarray(PICTURE).save(path)
    inside, leave, pixels = {}, {}, {}

    def transpose(image, *, in_place):
        name = threading.current_thread().name
        inside[name].set()
        assert leave[name].wait(60)
        warnings.warn("a tag of the file is odd", stacklevel=1)
        return image

    def read():
        pixels[threading.current_thread().name] = read_image(path).pixels

    def check_own_warnings():
        with pytest.raises(UserWarning, match="mine"):
            warnings.warn("mine", stacklevel=1)

    monkeypatch.setattr(PIL.ImageOps, "exif_transpose", transpose)
    before = [*warnings.filters]
    threads = [threading.Thread(target=read, name=name, daemon=True) for name in "AB"]
    for thread in threads:
        inside[thread.name], leave[thread.name] = threading.Event(), threading.Event()
        thread.start()
        assert inside[thread.name].wait(60)
        check_own_warnings()
    for thread in threads:
        leave[thread.name].set()
        thread.join(60)
        check_own_warnings()
    assert warnings.filters == before
    for name in "AB":
        assert np.array_equal(pixels[name], PICTURE)


def test_a_warning_of_the_decoder_is_no_damage(tmp_path):
    path = tmp_path / "odd.tiff"
    PIL.Image.fromarray(PICTURE).save(path)
    content = bytearray(path.read_bytes())
    # The tag SamplesPerPixel says that it has two values, where one is allowed.
    directory = int.from_bytes(content[4:8], "little")
    entry = directory + 2
    while int.from_bytes(content[entry : entry + 2], "little") != 277:
        entry += 12
    content[entry + 4] = 2
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="277 had too many entries"):
        PIL.Image.open(path).close()
    assert np.array_equal(read_image(path).pixels, PICTURE)


READER = """\
import os, resource, sys
from descr.descriptors import read_image
from descr.descriptors.image.decoding import decoding
from descr.descriptors.errors import ImageError, OutOfMemoryError

def peak():
    # In kilobytes, of macOS in bytes.
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used // 1000 if sys.platform == "darwin" else used

read_image(sys.argv[1])
for path in sys.argv[2:]:
    if os.fork():
        if os.wait()[1]:
            print("0 ended by the system", flush=True)
        continue
    before = peak()
    # Seconds of a processor, after which the system ends the process.
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
    try:
        image = read_image(path)
        outcome = f"{image.width} {image.height} {image.frames}"
    except ImageError as error:
        outcome = error.message
    print(peak() - before, outcome, flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not tell their peak")
def test_a_hostile_file_takes_no_more_time_and_memory_than_its_pixels_do(tmp_path):
    PIL.Image.fromarray(PICTURE).save(tmp_path / "good.png")
    for name, (make, _, zeros) in CRAFTS.items():
        content = make()
        (tmp_path / name).write_bytes(content)
        os.truncate(tmp_path / name, len(content) + zeros)
    paths = [tmp_path / name for name in ("good.png", *CRAFTS)]
    command = [sys.executable, "-c", READER, *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    for name, line, (_, outcome, _) in zip(CRAFTS, lines, CRAFTS.values(), strict=True):
        kilobytes, message = line.split(" ", 1)
        assert outcome in message, name
        # A canvas of WebP takes 16 bytes a pixel in Pillow.
        pixels = 4000 * 4000 if message.startswith("4000") else 0
        assert int(kilobytes) < 100_000 + 20 * pixels // 1000, name


@pytest.mark.skipif(sys.platform == "win32", reason="Pillow has no library of libtiff there")
def test_lines_of_libtiff_are_kept_from_standard_error(tmp_path, capfd):
    path = tmp_path / "odd.tiff"
    PIL.Image.fromarray(PICTURE).save(path, compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    content[8:14] = b"\xff" * 6
    path.write_bytes(content)

    def tell():
        with pytest.raises(ImageError, match=r"odd\.tiff is damaged or cut off"):
            read_image(path)

    def tell_too():
        with PIL.Image.open(path) as image, pytest.raises(OSError, match="decoder error"):
            image.load()

    tell()
    assert capfd.readouterr().err == ""
    # What a caller reads in another way is none of our business.
    tell_too()
    line = capfd.readouterr().err
    assert line
    with without_warnings():
        thread = threading.Thread(target=tell_too)
        thread.start()
        thread.join()
    assert capfd.readouterr().err == line


@pytest.mark.parametrize(
    "failure", [MemoryError(), OSError("out of memory error when reading image file")]
)
def test_decoding_without_memory_is_no_damage(failure):
    with pytest.raises(OutOfMemoryError, match=r"big\.tif: decoding it needs"), decoding("big.tif"):
        raise failure
