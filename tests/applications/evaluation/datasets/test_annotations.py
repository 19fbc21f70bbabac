import numpy as np
import PIL.Image
import pytest
from descr.applications.evaluation.datasets import DatasetError
from descr.applications.evaluation.datasets.annotations import (
    fields_of,
    points_array,
    read_json,
    read_labels,
    read_lines,
    read_rows,
)
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_and_rows_with_any_line_end(tmp_path, end):
    path = tmp_path / "list"
    path.write_bytes(f"\ufeffa, b{end}{end}1 ,2{end}3,4".encode())
    assert read_rows(path) == [["1", "2"], ["3", "4"]]
    assert read_lines(path) == ["a, b", "1 ,2", "3,4"]


def test_json_of_an_object(tmp_path):
    path = tmp_path / "note.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n')
    assert read_json(path) == {"a": 1}


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"{", "is not JSON"), (b"[1]", "holds a list"), (b"\xff\xfe", "is not UTF-8 text")],
)
def test_what_is_no_json_object(tmp_path, data, message):
    path = tmp_path / "note.json"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=message) as caught:
        read_json(path)
    assert str(path) in caught.value.message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"cannot read .*absent: No such file"):
        read_lines(tmp_path / "absent")


def test_faults_of_fields_name_the_file(tmp_path):
    with pytest.raises(DatasetError, match="lacks the field 'a'"), fields_of(tmp_path):
        {}["a"]
    with pytest.raises(DatasetError, match="has an ill-formed field"), fields_of(tmp_path):
        float("x")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))))
def test_points_are_what_was_given(values):
    points = points_array(values)
    assert points.dtype == np.float64
    assert points.shape == (len(values), 2)
    assert [tuple(point) for point in points.tolist()] == values


@pytest.mark.parametrize("values", [[[1, 2, 3]], [1, 2], [[1, float("nan")]], [["a", "b"]]])
def test_other_things_are_no_points(values):
    with pytest.raises(ValueError, match=r"."):
        points_array(values)


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
