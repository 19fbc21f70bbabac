import tracemalloc

import cv2
import numpy as np
import pytest
import skimage.data
import xarray as xr
from descr.applications import dense_flow
from descr.applications.flow import FlowError
from descr.descriptors import SIFT
from descr.descriptors.errors import (
    ImageError,
    IncomparableFeaturesError,
    OptionError,
    OutOfMemoryError,
)
from descr.descriptors.runtime import memory
from descr.matchers import MutualNearestNeighbor, NearestNeighbor, SoftArgmax
from descr.matchers.testing import render_map
from hypothesis import example, given, settings
from hypothesis import strategies as st

HEIGHT, WIDTH = 160, 224
# A turn of 4 degrees, a scale of 1.06, and a little perspective.
HOMOGRAPHY = np.array(
    [[1.0574, -0.0739, 4.0], [0.0739, 1.0574, -14.0], [8e-5, -6e-5, 1.0]], dtype=float
)


def photograph() -> np.ndarray:
    return np.ascontiguousarray(skimage.data.astronaut()[20 : 20 + HEIGHT, 100 : 100 + WIDTH])


def true_flow() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    ends = cv2.perspectiveTransform(np.stack([x, y], -1).reshape(-1, 1, 2), HOMOGRAPHY)
    ends = ends.reshape(HEIGHT, WIDTH, 2)
    return ends[..., 0] - x, ends[..., 1] - y


@pytest.fixture(scope="module")
def warped_pair() -> list[xr.DataArray]:
    source = photograph()
    target = cv2.warpPerspective(source, HOMOGRAPHY, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)
    return SIFT(size=WIDTH, step=4, cell=4, scales=(1, 2))(source, target)


def shifted_maps(
    rows: int = 6, columns: int = 9, *, down: int = 0, across: int = 2
) -> tuple[xr.DataArray, xr.DataArray]:
    """Two maps in which cell (row, column) of the first is (row + down, column + across)."""
    source = render_map(rows, columns)
    target = source.copy(data=np.roll(source.values, (down, across), axis=(1, 2)))
    return source, target


def test_a_homography_is_found_within_a_cell(warped_pair):
    flow = dense_flow(*warped_pair, smoothing=2)
    true_x, true_y = true_flow()
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    # Where the target shows it, and no descriptor reaches over the border.
    seen = (
        (x + true_x > 8) & (x + true_x < WIDTH - 9) & (y + true_y > 8) & (y + true_y < HEIGHT - 9)
    )
    seen &= (x >= 8) & (x < WIDTH - 8) & (y >= 8) & (y < HEIGHT - 8)
    error = np.hypot(flow["flow_x"] - true_x, flow["flow_y"] - true_y).values[seen]
    assert seen.mean() > 0.7
    assert np.isfinite(error).all()
    assert np.mean(error <= 4) > 0.99
    assert np.median(error) < 1
    assert float(flow["consistency"].where(seen).median()) < 0.5


def test_what_is_matched_is_what_is_given_at_the_cells(warped_pair):
    source, target = warped_pair
    result = SoftArgmax(window=1)(source, target)
    flow = dense_flow(source, target, grid="cells")
    np.testing.assert_array_equal(flow["y"], source["y"])
    np.testing.assert_array_equal(flow["x"], source["x"])
    # Read in float64, kept in float32.
    np.testing.assert_allclose(flow["flow_x"], result["target_x"] - result["x"], atol=1e-4)
    np.testing.assert_allclose(flow["flow_y"], result["target_y"] - result["y"], atol=1e-4)
    np.testing.assert_allclose(flow["score"], result["score"], atol=1e-6)


@pytest.mark.parametrize("grid", ["image", "cells", 24, (7, 31)])
@pytest.mark.parametrize("smoothing", [0, 2])
def test_an_image_does_not_move_from_itself(warped_pair, grid, smoothing):
    flow = dense_flow(
        warped_pair[0], warped_pair[0], matcher=NearestNeighbor(), grid=grid, smoothing=smoothing
    )
    for name in ("flow_x", "flow_y", "consistency"):
        np.testing.assert_array_equal(flow[name], 0)
    assert flow["valid"].all()
    np.testing.assert_allclose(flow["score"], 1, atol=1e-6)


@settings(max_examples=25, deadline=None)
@example(rows=6, columns=6, other=(1, 6), cells=None, grid=1, smoothing=1, seed=0)
@given(
    rows=st.integers(1, 6),
    columns=st.integers(1, 7),
    other=st.tuples(st.integers(1, 6), st.integers(1, 7)),
    cells=st.none() | st.integers(1, 9) | st.tuples(st.integers(1, 8), st.integers(1, 8)),
    grid=st.sampled_from(["image", "cells"]) | st.integers(1, 12),
    smoothing=st.integers(0, 2),
    seed=st.integers(0, 5),
)
def test_any_pair_of_maps_gives_a_whole_flow(rows, columns, other, cells, grid, smoothing, seed):
    source, target = render_map(rows, columns, seed=seed), render_map(*other, seed=seed + 1)
    try:
        flow = dense_flow(source, target, cells=cells, grid=grid, smoothing=smoothing)
    except FlowError:
        # The few places of a coarse grid may all lie where smoothing found nothing consistent.
        assert isinstance(grid, int)
        assert smoothing
        whole = dense_flow(source, target, cells=cells, grid="cells", smoothing=smoothing)
        assert not whole["valid"].all()
        return
    assert set(flow) == {"flow_x", "flow_y", "score", "valid", "consistency"}
    if grid == "image":
        assert dict(flow.sizes) == {"y": 8 * rows, "x": 8 * columns}
        np.testing.assert_array_equal(flow["x"], np.arange(8 * columns))
    if isinstance(grid, int):
        assert max(flow.sizes.values()) == grid
    for name in ("flow_x", "flow_y", "score", "consistency"):
        assert flow[name].dtype == np.float32
    valid = flow["valid"].values
    for name in ("flow_x", "flow_y", "score"):
        np.testing.assert_array_equal(np.isfinite(flow[name].values), valid)
    end_x = (flow["flow_x"] + flow["x"]).values[valid]
    end_y = (flow["flow_y"] + flow["y"]).values[valid]
    # float32 numbers of this size are 1e-5 apart.
    assert (end_x >= -0.5001).all()
    assert (end_x <= 8 * other[1] - 0.4999).all()
    assert (end_y >= -0.5001).all()
    assert (end_y <= 8 * other[0] - 0.4999).all()
    assert not (flow["consistency"] < 0).any()


def test_a_shift_is_found_to_the_pixel_with_its_units():
    source, target = shifted_maps(across=2)
    flow = dense_flow(source, target, matcher=NearestNeighbor())
    # The last two columns of cells have come round to the left.
    stays = flow.isel(x=slice(0, 7 * 8 - 4))
    np.testing.assert_array_equal(stays["flow_x"], 16)
    np.testing.assert_array_equal(stays["flow_y"], 0)
    assert {name: flow[name].attrs.get("units") for name in flow} == {
        "flow_x": "pixel",
        "flow_y": "pixel",
        "score": "1",
        "valid": None,
        "consistency": "pixel",
    }
    assert flow["x"].attrs["units"] == "pixel"
    assert flow.attrs["source_name"] == "picture.png"
    assert (flow.attrs["target_height"], flow.attrs["target_width"]) == (48, 72)
    assert flow.attrs["cells"] == "6 x 9"


@pytest.mark.parametrize("cells", [WIDTH // 8, WIDTH // 4, (30, 90)])
def test_another_resolution_of_the_cells_shifts_nothing(warped_pair, cells):
    """Half a cell of offset would be four times the limit."""
    true_x, true_y = true_flow()
    rows, columns = slice(50, 110), slice(60, 160)
    flow = dense_flow(*warped_pair, cells=cells, smoothing=2).isel(y=rows, x=columns)
    off_x, off_y = flow["flow_x"] - true_x[rows, columns], flow["flow_y"] - true_y[rows, columns]
    down, across = map(int, flow.attrs["cells"].split(" x "))
    assert abs(float(off_x.median())) < WIDTH / across / 8
    assert abs(float(off_y.median())) < HEIGHT / down / 8


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_length_of_the_features_does_not_matter(warped_pair, scale):
    other = [one.copy(data=one.values * np.float32(scale)) for one in warped_pair]
    expected = dense_flow(*warped_pair, grid="cells", smoothing=2)
    xr.testing.assert_allclose(dense_flow(*other, grid="cells", smoothing=2), expected, atol=1e-2)


def test_images_take_a_descriptor():
    image = photograph()
    describe = SIFT(size=112)
    flow = dense_flow(image, image, descriptor=describe)
    xr.testing.assert_identical(flow, dense_flow(*describe(image, image)))
    assert dict(flow.sizes) == {"y": HEIGHT, "x": WIDTH}


def test_places_without_a_match_are_not_valid():
    source, target = shifted_maps()
    other = render_map(6, 9, seed=9)
    # The right third of the target shows something else.
    mixed = target.copy(data=np.concatenate([target[..., :6], other[..., 6:]], axis=2))
    flow = dense_flow(source, mixed, matcher=MutualNearestNeighbor(), grid="cells")
    assert flow["valid"][:, :4].all()
    assert not flow["valid"].all()
    filled = dense_flow(source, mixed, matcher=MutualNearestNeighbor(), grid="cells", smoothing=2)
    assert filled["valid"].sum() > flow["valid"].sum()


def test_inconsistent_places_are_dropped_on_request():
    source, target = shifted_maps()
    target = target.copy(data=target.values.copy())
    # Two cells look alike: one of the ways back leads to the other.
    target[:, 2, 4] = target[:, 2, 8]
    every = dense_flow(source, target, matcher=NearestNeighbor(), grid="cells")
    kept = dense_flow(source, target, matcher=NearestNeighbor(), grid="cells", max_consistency=3)
    assert every["valid"].all()
    wrong = (every["consistency"] > 3).values
    assert wrong.any()
    np.testing.assert_array_equal(kept["valid"], ~wrong)


class TestMasks:
    def mask(self, rows: slice, columns: slice, shape: tuple[int, int] = (HEIGHT, WIDTH)):
        mask = np.zeros(shape, dtype=bool)
        mask[rows, columns] = True
        return mask

    @pytest.mark.parametrize("smoothing", [0, 3])
    def test_no_flow_begins_or_ends_outside(self, warped_pair, smoothing):
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        ring = np.hypot(y - 80, x - 110)
        source_mask = (ring < 60) & (ring > 25)
        target_mask = np.hypot(y - 85, x - 125) < 55
        flow = dense_flow(
            *warped_pair, source_mask=source_mask, target_mask=target_mask, smoothing=smoothing
        )
        valid = flow["valid"].values
        assert not valid[~source_mask].any()
        assert valid[source_mask].mean() > 0.8
        end_x = np.rint((flow["flow_x"] + flow["x"]).values[valid]).astype(int)
        end_y = np.rint((flow["flow_y"] + flow["y"]).values[valid]).astype(int)
        assert target_mask[end_y, end_x].all()
        for name in ("flow_x", "score", "consistency"):
            assert not np.isfinite(flow[name].values[~valid]).any()

    @pytest.mark.parametrize("smoothing", [0, 3])
    def test_what_lies_outside_changes_nothing_inside(self, warped_pair, smoothing):
        source, target = warped_pair
        mask = self.mask(slice(40, 120), slice(50, 150))
        outside = ~mask[np.ix_(np.rint(source["y"]).astype(int), np.rint(source["x"]).astype(int))]
        changed = source.copy(data=source.values.copy())
        changed.values[:, outside] = np.random.default_rng(0).permuted(
            changed.values[:, outside], axis=1
        )
        assert not np.array_equal(changed, source)
        flows = [
            dense_flow(one, target, source_mask=mask, target_mask=mask, smoothing=smoothing)
            for one in (source, changed)
        ]
        xr.testing.assert_allclose(*flows, rtol=0, atol=1e-3)

    def test_pixels_of_the_mask_beyond_its_cells_have_flow(self):
        source, target = shifted_maps(across=0)
        mask = self.mask(slice(10, 30), slice(18, 50), (48, 72))
        flow = dense_flow(source, target, source_mask=mask, matcher=NearestNeighbor())
        np.testing.assert_array_equal(flow["valid"], mask)

    def test_cells_smaller_than_pixels_lose_nothing(self):
        source = render_map(12, 16, stride=2)
        small = source.assign_attrs(image_height=6, image_width=8)
        small = small.assign_coords(
            y=(source["y"] + 0.5) / 4 - 0.5, x=(source["x"] + 0.5) / 4 - 0.5
        )
        mask = self.mask(slice(2, 5), slice(3, 8), (6, 8))
        for grid in ("image", "cells"):
            flow = dense_flow(small, small, matcher=NearestNeighbor(), grid=grid)
            assert flow["valid"].all()
            np.testing.assert_array_equal(flow["flow_x"], 0)
        flow = dense_flow(
            small, small, matcher=NearestNeighbor(), source_mask=mask, target_mask=mask
        )
        np.testing.assert_array_equal(flow["valid"], mask)

    def test_a_mask_of_another_size_is_refused(self, warped_pair):
        with pytest.raises(ImageError, match="target mask is 10 x 20 pixels"):
            dense_flow(*warped_pair, target_mask=np.ones((20, 10), dtype=bool))

    def test_a_mask_that_leaves_no_cell_is_refused(self, warped_pair):
        for name in ("source_mask", "target_mask"):
            for mask in (self.mask(slice(0), slice(0)), self.mask(slice(0, 1), slice(0, 1))):
                with pytest.raises(ImageError, match=f"{name.replace('_', ' ')} leaves no cell"):
                    dense_flow(*warped_pair, **{name: mask})


def test_a_flow_that_is_nowhere_valid_is_an_error():
    source, target = render_map(4, 6, seed=1), render_map(4, 6, seed=2)
    with pytest.raises(FlowError, match=r"picture.png to picture.png: .* not overlap") as raised:
        dense_flow(source, target, matcher=Lost())
    assert "nearest" in raised.value.hint
    with pytest.raises(FlowError) as raised:
        dense_flow(source, target, matcher=Lost(), max_consistency=1)
    assert "larger forward-backward error" in raised.value.hint


class Lost(MutualNearestNeighbor):
    """Finds nothing."""

    def match(self, query, source, target):
        partners = super().match(query, source, target)
        partners.matched[:] = False
        return partners


@pytest.mark.parametrize(
    "wrong",
    [
        {"smoothing": -1},
        {"smoothing": 1.5},
        {"max_consistency": -1},
        {"max_consistency": np.nan},
        {"grid": "pixels"},
        {"grid": 0},
        {"grid": (3, 4, 5)},
        {"cells": 0},
        {"cells": (3, 0)},
        {"cells": "128"},
    ],
)
def test_settings_out_of_range_are_refused_before_anything_is_extracted(wrong, monkeypatch):
    monkeypatch.setattr(SIFT, "extract", lambda *given: pytest.fail("features were extracted"))
    with pytest.raises(OptionError, match=next(iter(wrong))):
        dense_flow(photograph(), photograph(), descriptor=SIFT(), **wrong)


def test_maps_and_images_cannot_be_mixed():
    with pytest.raises(OptionError, match="descriptor"):
        dense_flow(photograph(), photograph())
    with pytest.raises(IncomparableFeaturesError):
        dense_flow(render_map(3, 3), render_map(3, 3, basis="other"))


def test_the_flow_survives_a_file(tmp_path, warped_pair):
    flow = dense_flow(*warped_pair, grid=20, cells=30)
    flow.to_netcdf(tmp_path / "flow.nc", engine="netcdf4")
    with xr.open_dataset(tmp_path / "flow.nc") as again:
        xr.testing.assert_identical(again.load(), flow)


def test_memory_follows_the_places_and_not_their_pairs():
    """12,288 x 12,288 values of a byte would take 151 MB."""
    source = render_map(96, 128, channels=8, stride=2)
    tracemalloc.start()
    try:
        dense_flow(source, source, matcher=NearestNeighbor(), smoothing=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100e6


@pytest.mark.parametrize(
    ("options", "what", "hint"),
    [
        ({"cells": 100_000}, "matching maps of", "lower cells (--cells)"),
        (
            {"cells": (10**6, 10**5)},
            "matching maps of 1000000 x 100000 cells",
            "lower cells (--cells)",
        ),
        ({"grid": (20_000, 20_000)}, "flow at 20000 x 20000 places", "lower grid (--grid)"),
        ({"grid": 10**6}, "flow at", "lower grid (--grid)"),
    ],
)
def test_more_cells_or_places_than_fit_are_refused(warped_pair, options, what, hint, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 2 << 30)
    with pytest.raises(OutOfMemoryError) as caught:
        dense_flow(*warped_pair, **options)
    assert caught.value.message.startswith(what)
    assert caught.value.hint == hint


def test_flow_that_fits_is_not_refused(warped_pair, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 1 << 30)
    for smoothing in (0, 2):
        dense_flow(*warped_pair, cells=40, smoothing=smoothing)
