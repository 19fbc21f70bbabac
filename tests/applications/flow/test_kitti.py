import cv2
import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import dense_flow
from descr.applications.flow import FlowError, read_kitti, write_kitti
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def pixel_flow(x, y) -> xr.Dataset:
    x, y = np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)
    return xr.Dataset(
        {"flow_x": (("y", "x"), x), "flow_y": (("y", "x"), y)},
        coords={"y": np.arange(x.shape[0]), "x": np.arange(x.shape[1])},
    )


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
    known = np.isfinite(vectors).all(axis=2)
    np.testing.assert_array_equal(flow["valid"], known)
    for name, k in (("flow_x", 0), ("flow_y", 1)):
        assert flow[name].dtype == np.float32
        np.testing.assert_allclose(flow[name].values[known], vectors[known, k], atol=1 / 128)
        assert not np.isfinite(flow[name].values[~known]).any()


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


def test_flow_on_cells_has_no_place_in_a_file_of_pixels(tmp_path):
    flow = dense_flow(render_map(3, 5), render_map(4, 4, seed=1), grid="cells")
    with pytest.raises(FlowError, match="a KITTI file holds a vector for each pixel"):
        write_kitti(flow, tmp_path / "f.png")
