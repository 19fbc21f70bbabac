import struct

import cv2
import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import dense_flow
from descr.applications.flow import FlowError, read_flo, read_kitti, write_flo, write_kitti
from descr.descriptors.errors import OutputError
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def pixel_flow(x, y, **others) -> xr.Dataset:
    x, y = np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)
    return xr.Dataset(
        {"flow_x": (("y", "x"), x), "flow_y": (("y", "x"), y), **others},
        coords={"y": np.arange(x.shape[0]), "x": np.arange(x.shape[1])},
    )


BYTES = (
    b"PIEH"
    + struct.pack("<ii", 3, 2)
    + struct.pack("<6f", 1.5, -2.0, 0.0, 0.25, 1e10, 1e10)
    + struct.pack("<6f", -700.0, 3.0, 8.0, 9.0, -0.125, 4.0)
)
FLOW = pixel_flow([[1.5, 0, np.nan], [-700, 8, -0.125]], [[-2, 0.25, np.nan], [3, 9, 4]])


def test_the_bytes_are_those_of_the_format(tmp_path):
    write_flo(FLOW, tmp_path / "f.flo")
    assert (tmp_path / "f.flo").read_bytes() == BYTES
    assert struct.pack("<f", 202021.25) == b"PIEH"


def test_a_file_is_read(tmp_path):
    (tmp_path / "f.flo").write_bytes(BYTES)
    flow = read_flo(tmp_path / "f.flo")
    np.testing.assert_array_equal(flow["flow_x"], FLOW["flow_x"])
    np.testing.assert_array_equal(flow["flow_y"], FLOW["flow_y"])
    np.testing.assert_array_equal(flow["valid"], [[True, True, False], [True, True, True]])
    assert flow["flow_x"].dtype == np.float32
    assert flow["flow_x"].attrs["units"] == "pixel"
    np.testing.assert_array_equal(flow["x"], [0, 1, 2])
    np.testing.assert_array_equal(flow["y"], [0, 1])


@pytest.mark.parametrize("unknown", [1e10, -1e10, 1.1e9, np.nan, np.inf])
def test_unknown_flow_is_told_by_either_component(tmp_path, unknown):
    values = struct.pack("<4f", unknown, 1, 2, unknown) + struct.pack("<2f", 9e8, -9e8)
    (tmp_path / "f.flo").write_bytes(b"PIEH" + struct.pack("<ii", 3, 1) + values)
    flow = read_flo(tmp_path / "f.flo")
    np.testing.assert_array_equal(flow["valid"], [[False, False, True]])
    np.testing.assert_array_equal(flow["flow_y"], np.array([[np.nan, np.nan, -9e8]], np.float32))


def test_what_is_marked_as_not_valid_is_written_as_unknown(tmp_path):
    marked = FLOW.assign(valid=(("y", "x"), np.array([[False, True, True], [True] * 3])))
    write_flo(marked, tmp_path / "f.flo")
    np.testing.assert_array_equal(
        read_flo(tmp_path / "f.flo")["valid"], [[False, True, False], [True, True, True]]
    )


@settings(max_examples=30, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(2)),
        elements=st.floats(-9e8, 9e8, width=32),
    )
)
def test_every_known_flow_comes_back_bit_for_bit(tmp_path_factory, vectors):
    path = tmp_path_factory.mktemp("flo") / "f.flo"
    write_flo(pixel_flow(vectors[..., 0], vectors[..., 1]), path)
    flow = read_flo(path)
    np.testing.assert_array_equal(flow["flow_x"], vectors[..., 0])
    np.testing.assert_array_equal(flow["flow_y"], vectors[..., 1])
    assert flow["valid"].all()


def test_a_dense_flow_goes_through_a_file(tmp_path):
    flow = dense_flow(render_map(3, 5), render_map(4, 4, seed=1))
    write_flo(flow, tmp_path / "f.flo")
    again = read_flo(tmp_path / "f.flo")
    for name in ("flow_x", "flow_y", "valid"):
        np.testing.assert_array_equal(again[name], flow[name])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a Middlebury"),
        (b"PIEH", "not a Middlebury"),
        (b"HEIP" + BYTES[4:], "not a Middlebury"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "not a Middlebury"),
        (BYTES[:-1], "3 x 2 vectors take 60 bytes, and it has 59"),
        (BYTES + b"\0", "and it has 61"),
        (b"PIEH" + struct.pack("<ii", 0, 5), "0 x 5"),
        (b"PIEH" + struct.pack("<ii", -3, 5) + bytes(120), "-3 x 5"),
        (b"PIEH" + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + bytes(8), "cut off"),
    ],
)
def test_other_files_and_parts_of_files_are_refused(tmp_path, content, words):
    (tmp_path / "f.flo").write_bytes(content)
    with pytest.raises(FlowError, match=words) as raised:
        read_flo(tmp_path / "f.flo")
    assert "f.flo" in raised.value.message


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "f.flo").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FlowError, match="not a Middlebury"):
        read_flo(tmp_path / "f.flo")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.flo", tmp_path):
        with pytest.raises(FlowError, match="cannot read"):
            read_flo(path)


def test_flow_on_cells_has_no_place_in_a_file_of_pixels(tmp_path):
    flow = dense_flow(render_map(3, 5), render_map(4, 4, seed=1), grid="cells")
    with pytest.raises(FlowError, match=r"a \.flo file holds a vector for each pixel"):
        write_flo(flow, tmp_path / "f.flo")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OutputError):
        write_flo(FLOW, tmp_path / "none" / "f.flo")


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((3, 4, 2)),
        FLOW.drop_vars("flow_y"),
        FLOW.drop_vars("x"),
        FLOW.fillna(0).astype(int),
        FLOW.transpose("x", "y"),
        FLOW.isel(x=slice(0)),
    ],
    ids=["array", "no flow_y", "no x", "integers", "transposed", "empty"],
)
def test_what_is_no_flow_is_refused(tmp_path, wrong):
    with pytest.raises(FlowError, match="flow"):
        write_flo(wrong, tmp_path / "f.flo")


def test_the_channels_are_those_of_the_format(tmp_path):
    flow = pixel_flow([[0, 1.5, np.nan]], [[0, -2.25, 1]])
    assert write_kitti(flow, tmp_path / "f.png") == 0
    blue, green, red = cv2.split(cv2.imread(str(tmp_path / "f.png"), cv2.IMREAD_UNCHANGED))
    assert red.dtype == np.uint16
    np.testing.assert_array_equal(red, [[32768, 32768 + 96, 0]])
    np.testing.assert_array_equal(green, [[32768, 32768 - 144, 0]])
    np.testing.assert_array_equal(blue, [[1, 1, 0]])


def test_a_file_is_a_png_of_16_bits(tmp_path):
    write_kitti(pixel_flow([[1, 2]], [[3, 4]]), tmp_path / "f.png")
    head = (tmp_path / "f.png").read_bytes()[:26]
    assert head.startswith(b"\x89PNG")
    assert head[24:26] == b"\x10\x02"  # 16 bits, colour without alpha


@settings(max_examples=30, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(2)),
        elements=st.floats(-512, 511.984375, width=32) | st.just(np.nan),
    )
)
def test_flow_comes_back_to_half_a_step(tmp_path_factory, vectors):
    path = tmp_path_factory.mktemp("kitti") / "f.png"
    assert write_kitti(pixel_flow(vectors[..., 0], vectors[..., 1]), path) == 0
    flow = read_kitti(path)
    certain = np.isfinite(vectors).all(axis=2)
    np.testing.assert_array_equal(flow["valid"], certain)
    for name, k in (("flow_x", 0), ("flow_y", 1)):
        assert flow[name].dtype == np.float32
        np.testing.assert_allclose(flow[name].values[certain], vectors[certain, k], atol=1 / 128)
        assert not np.isfinite(flow[name].values[~certain]).any()


def test_what_the_file_cannot_hold_is_not_valid_and_counted(tmp_path):
    x = [[-512, -512.1, 511.98, 512, 3, np.nan]]
    y = [[0, 0, 0, 0, 5000, 0]]
    assert write_kitti(pixel_flow(x, y), tmp_path / "f.png") == 3
    np.testing.assert_array_equal(
        read_kitti(tmp_path / "f.png")["valid"], [[True, False, True, False, False, False]]
    )


@pytest.mark.parametrize("kind", ["text", "empty", "8 bits", "grey", "cut"])
def test_other_files_are_refused(tmp_path, kind):
    path = tmp_path / "f.png"
    write_kitti(pixel_flow(np.ones((20, 30)), np.ones((20, 30))), path)
    if kind == "text":
        path.write_text("flow")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "8 bits":
        PIL.Image.new("RGB", (4, 3)).save(path)
    elif kind == "grey":
        PIL.Image.fromarray(np.zeros((4, 3), np.uint16)).save(path)
    else:
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(FlowError, match=r"f\.png is not a flow of KITTI"):
        read_kitti(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FlowError, match="cannot read"):
        read_kitti(tmp_path / "none.png")


def test_flow_on_cells_has_no_place_in_a_file_of_kitti(tmp_path):
    flow = dense_flow(render_map(3, 5), render_map(4, 4, seed=1), grid="cells")
    with pytest.raises(FlowError, match="a KITTI file holds a vector for each pixel"):
        write_kitti(flow, tmp_path / "f.png")
