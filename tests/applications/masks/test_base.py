from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from descr.applications.masks import MaskFiles, cells_in_mask
from descr.descriptors import SIFT
from descr.descriptors.errors import ImageError, OptionError

IMAGES = [np.zeros((20, 30, 3), np.uint8), np.zeros((10, 12, 3), np.uint8)]


def disc(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    inside: np.ndarray = np.hypot(y - height / 2, x - width / 2) < height / 3
    return inside


def test_a_mask_comes_out_as_it_lies_in_its_file(tmp_path: Path) -> None:
    truth = disc(20, 30)
    PIL.Image.fromarray(truth).save(tmp_path / "mask.png")
    masks = MaskFiles([tmp_path / "mask.png", disc(10, 12)])(IMAGES)
    np.testing.assert_array_equal(masks[0], truth)
    np.testing.assert_array_equal(masks[1], disc(10, 12))


def test_an_image_without_a_mask_is_taken_whole() -> None:
    masks = MaskFiles([None, disc(10, 12)])(IMAGES)
    assert masks[0].shape == (20, 30)
    assert masks[0].all()


def test_feature_maps_do_in_the_place_of_images() -> None:
    maps = SIFT(size=64)(*[np.random.default_rng(0).random(one.shape) for one in IMAGES])
    masks = MaskFiles([None, disc(10, 12)])(maps=maps)
    assert [mask.shape for mask in masks] == [(20, 30), (10, 12)]
    with pytest.raises(OptionError, match="same sizes"):
        MaskFiles([None, disc(10, 12)])(IMAGES[::-1], maps)


def test_what_is_no_mask_of_the_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "black.png"
    PIL.Image.new("L", (30, 20)).save(path)
    with pytest.raises(ImageError, match=r"black\.png is empty.*array"):
        MaskFiles([path, None])(IMAGES)
    with pytest.raises(ImageError, match="is empty"):
        MaskFiles([None, np.zeros((10, 12), bool)])(IMAGES)
    with pytest.raises(ImageError, match="12 x 10 pixels"):
        MaskFiles([disc(10, 12), None])(IMAGES)
    with pytest.raises(OptionError, match="1 masks for 2 images"):
        MaskFiles([disc(20, 30)])(IMAGES)
    with pytest.raises(OptionError, match="no mask"):
        MaskFiles([None, None])
    with pytest.raises(OptionError, match="needs the images"):
        MaskFiles([None, disc(10, 12)])()


def test_a_cell_lies_in_a_mask_where_its_centre_does() -> None:
    (fmap,) = SIFT(size=40, step=4)(np.random.default_rng(0).random((30, 40)))
    mask = disc(30, 40)
    inside = cells_in_mask(mask, fmap)
    rows, columns = (np.floor(fmap[axis].values + 0.5).astype(int) for axis in ("y", "x"))
    np.testing.assert_array_equal(inside, mask[np.ix_(rows, columns)])
    assert 0 < inside.sum() < inside.size
    speck = np.zeros((30, 40), bool)
    speck[0, 0] = True
    with pytest.raises(ImageError, match="the speck leaves no cell of array"):
        cells_in_mask(speck, fmap, name="the speck")
