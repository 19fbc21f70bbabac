import numpy as np
import pytest
import xarray as xr
from descr.applications.resolution import (
    cell_size,
    even_grid,
    nearest_inside,
    resample_map,
    spread,
    window,
)
from descr.descriptors.errors import OptionError
from descr.descriptors.features.grids import Grid
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st

REGION = np.array([[False, True, False, False, True]])


@settings(max_examples=50, deadline=None)
@given(
    height=st.integers(2, 500),
    width=st.integers(2, 500),
    wanted=st.integers(1, 300) | st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_cells_tile_the_image(height, width, wanted):
    grid = even_grid(height, width, wanted)
    if isinstance(wanted, int):
        assert max(len(grid.y), len(grid.x)) == wanted
    else:
        assert (len(grid.y), len(grid.x)) == wanted
    for centres, length in ((grid.y, height), (grid.x, width)):
        side = length / len(centres)
        # The first cell begins at the border of the image, the last one ends there.
        np.testing.assert_allclose(centres[0] - side / 2, -0.5, atol=1e-9)
        np.testing.assert_allclose(centres[-1] + side / 2, length - 0.5, atol=1e-9)
        np.testing.assert_allclose(np.diff(centres), side, atol=1e-9)


def test_one_cell_per_pixel_lies_on_the_pixels():
    grid = even_grid(3, 4, (3, 4))
    np.testing.assert_array_equal(grid.y, [0, 1, 2])
    np.testing.assert_array_equal(grid.x, [0, 1, 2, 3])


def test_one_number_keeps_cells_square():
    grid = even_grid(300, 451, 128)
    assert (len(grid.y), len(grid.x)) == (85, 128)
    tall = even_grid(451, 300, 128)
    assert (len(tall.y), len(tall.x)) == (128, 85)
    assert len(even_grid(2, 500, 10).y) == 1


@pytest.mark.parametrize("wrong", [0, -3, 1.5, "128", (3,), (3, 4, 5), (3, 0), [2.5, 2], True])
def test_what_is_no_resolution_is_refused(wrong):
    with pytest.raises(OptionError, match="grid"):
        even_grid(30, 40, wrong, "grid")


def test_features_are_read_at_the_centres_of_the_cells():
    """Two channels whose ratio is linear in x: it tells where a feature was read."""
    fmap = render_map(4, 6, channels=2)
    ratio = np.broadcast_to(fmap["x"].values, (4, 6))
    fmap = fmap.copy(data=np.stack([np.ones((4, 6)), ratio]).astype(np.float32))
    resampled = resample_map(fmap, (8, 18))
    assert resampled.shape == (2, 8, 18)
    np.testing.assert_allclose(resampled["x"], (np.arange(18) + 0.5) * 48 / 18 - 0.5)
    inner = resampled.sel(x=slice(3.5, 43.5))
    assert inner.sizes["x"] == 16
    result = inner[1] / inner[0]
    np.testing.assert_allclose(result, np.broadcast_to(inner["x"], result.shape), rtol=1e-5)


def test_cells_have_unit_length_and_keep_their_labels():
    fmap = render_map(3, 5)
    resampled = resample_map(fmap, 16)
    np.testing.assert_allclose(np.linalg.norm(resampled.values, axis=0), 1, atol=1e-6)
    assert resampled.dtype == np.float32
    assert resampled.attrs == fmap.attrs
    xr.testing.assert_equal(resampled["source"], fmap["source"])
    assert resampled["y"].attrs == fmap["y"].attrs


def test_the_own_resolution_changes_nothing():
    fmap = render_map(3, 5)
    np.testing.assert_allclose(resample_map(fmap, (3, 5)), fmap, atol=1e-6)


def test_the_size_of_a_cell_is_its_longer_side():
    assert cell_size(Grid(np.array([1.5, 5.5]), np.array([3.0, 9.0, 15.0])), 8, 18) == 6
    assert cell_size(Grid(np.array([24.5]), np.array([3.0, 9.0])), 50, 12) == 50


def test_values_spread_from_the_nearest_place_inside() -> None:
    values = np.array([[1, 2, 3, 4, 5]])
    assert spread(values, REGION).tolist() == [[2, 2, 2, 5, 5]]
    for region in (REGION | True, REGION & False):
        assert spread(values, region).tolist() == values.tolist()
    assert nearest_inside(REGION).tolist() == [[[0, 0, 0, 0, 0]], [[1, 1, 1, 4, 4]]]


def test_a_window_holds_the_region_and_its_margin() -> None:
    region = np.zeros((9, 12), dtype=bool)
    region[4, 2:5] = region[6, 3] = True
    assert window(region) == (slice(4, 7), slice(2, 5))
    # It may leave the image at its far side, where slices end by themselves.
    assert window(region, 3) == (slice(1, 10), slice(0, 8))
    assert window(region & False, 3) == (slice(0, 0), slice(0, 0))
