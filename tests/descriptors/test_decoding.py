import threading
import warnings

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from descr.descriptors import read_image
from descr.descriptors.testing import render_picture

PICTURE = render_picture(20, 30)


def test_threads_that_decode_leave_the_warnings_of_others_alone(tmp_path, monkeypatch):
    """A begins, B begins, A ends, B ends; here warnings are errors all the while."""
    path = tmp_path / "cat.png"
    PIL.Image.fromarray(PICTURE).save(path)
    inside, leave, pixels = {}, {}, {}

    def transpose(image):
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
