import numpy as np
import PIL.Image
import pytest
from descr.applications.evaluation.datasets import DatasetError
from descr.applications.evaluation.datasets.labels import read_labels


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_labels_are_indices_or_greys(tmp_path, mode):
    labels = np.array([[0, 1, 255], [7, 128, 2]], np.uint8)
    image = PIL.Image.fromarray(labels, "P" if mode == "P" else "L")
    if mode == "P":
        image.putpalette([9, 200, 50] * 256)
    (image.convert("RGB") if mode == "RGB" else image).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "mask.png"), labels)


def test_labels_of_one_bit(tmp_path):
    labels = np.array([[True, False], [False, True]])
    PIL.Image.fromarray(labels).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "mask.png"), labels)


@pytest.mark.parametrize("data", [b"", b"no image"])
def test_other_files_are_no_labels(tmp_path, data):
    (tmp_path / "mask.png").write_bytes(data)
    with pytest.raises(DatasetError, match=r"mask\.png"):
        read_labels(tmp_path / "mask.png")
