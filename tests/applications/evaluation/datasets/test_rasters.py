import cv2
import numpy as np
import PIL.Image
import pytest
from descr.applications.evaluation.datasets import DatasetError
from descr.applications.evaluation.datasets.rasters import read_flow, read_labels
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays


@settings(max_examples=25, deadline=None)
@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(2)),
        elements=st.floats(-1e4, 1e4, width=32),
    )
)
def test_a_flow_is_read_as_it_was_written(tmp_path_factory, flow):
    path = tmp_path_factory.mktemp("flow") / "flow.flo"
    cv2.writeOpticalFlow(str(path), flow)
    np.testing.assert_array_equal(read_flow(path), flow)


def test_the_bytes_of_a_flow_file(tmp_path):
    path = tmp_path / "flow.flo"
    numbers = np.array([1, 2, 3, 4, 2e9, 6], "<f4")
    path.write_bytes(
        np.array(202021.25, "<f4").tobytes() + np.array([3, 1], "<i4").tobytes() + numbers.tobytes()
    )
    expected = [[[1, 2], [3, 4], [np.nan, np.nan]]]
    np.testing.assert_array_equal(read_flow(path), np.array(expected, np.float32))


@pytest.mark.parametrize("data", [b"", b"PIEH", b"PIEX" + bytes(16), b"PIEH" + bytes(8)])
def test_other_files_are_no_flow(tmp_path, data):
    path = tmp_path / "flow.flo"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match="is not a Middlebury flow file"):
        read_flow(path)


def test_a_flow_that_is_cut_off(tmp_path):
    path = tmp_path / "flow.flo"
    cv2.writeOpticalFlow(str(path), np.zeros((4, 5, 2), np.float32))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DatasetError, match="has 164 bytes where 5 x 4 pixels need 172"):
        read_flow(path)


def test_no_such_flow(tmp_path):
    with pytest.raises(DatasetError, match="no such file"):
        read_flow(tmp_path / "flow.flo")


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
