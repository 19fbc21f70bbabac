from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from descr.descriptors import read_mask
from descr.descriptors.errors import ImageError


def save(image: PIL.Image.Image, path: Path) -> Path:
    image.save(path)
    return path


def test_masks_in_every_form_say_the_same(tmp_path):
    mask = np.zeros((20, 30), dtype=bool)
    mask[5:, 10:] = True
    forms = [mask, mask.astype(np.uint8), mask * np.uint8(255), mask.astype(float)]
    forms += [PIL.Image.fromarray(mask), PIL.Image.fromarray(mask * np.uint8(255))]
    forms += [save(forms[-1], tmp_path / "mask.png")]
    indexed = PIL.Image.fromarray(mask.astype(np.uint8), "P")
    indexed.putpalette([0, 0, 0, 128, 0, 0])
    forms += [indexed]
    for form in forms:
        assert np.array_equal(read_mask(form, height=20, width=30), mask)


def test_empty_and_full_masks():
    assert not read_mask(np.zeros((4, 4), np.uint8), height=4, width=4).any()
    assert read_mask(np.full((4, 4), 255, np.uint8), height=4, width=4).all()


def test_masks_of_another_size_or_shape_are_refused(tmp_path):
    path = save(PIL.Image.new("L", (10, 20)), tmp_path / "mask.png")
    with pytest.raises(ImageError, match=r"mask\.png is 10 x 20 pixels, but its image is 30 x 20"):
        read_mask(path, height=20, width=30)
    with pytest.raises(ImageError, match=r"source mask is an array of shape \(4, 4, 3\)"):
        read_mask(np.zeros((4, 4, 3)), height=4, width=4, name="source mask")
