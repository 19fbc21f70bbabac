import numpy as np
import pytest
import xarray as xr
from descr.applications import paint_cells
from descr.applications.pictures.painting import (
    NEUTRAL,
    pixel_cells,
    resize_photograph,
    tint_photograph,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pictures import random_map


def colors(rows: int, columns: int, height: int, width: int) -> xr.DataArray:
    grid = random_map(rows, columns, height=height, width=width)
    values = np.random.default_rng(1).integers(0, 256, (rows, columns, 3)) / 255
    return xr.DataArray(
        values.astype(np.float32),
        dims=("y", "x", "rgb"),
        coords={"y": grid["y"], "x": grid["x"]},
        attrs=grid.attrs,
    )


def test_a_cell_is_a_block_of_pixels_in_its_colour() -> None:
    grid = colors(3, 4, 60, 80)
    picture = paint_cells(grid)
    assert picture.shape == (60, 80, 3)
    assert picture.dtype == np.uint8
    expected = np.rint(grid.values * 255).repeat(20, axis=0).repeat(20, axis=1)
    np.testing.assert_array_equal(picture, expected)


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    height=st.integers(1, 50),
    width=st.integers(1, 50),
)
@settings(max_examples=40, deadline=None)
def test_each_pixel_has_the_colour_of_the_nearest_centre(
    rows: int, columns: int, height: int, width: int
) -> None:
    grid = colors(rows, columns, 45, 36)
    of_rows, of_columns = pixel_cells(grid, height, width)
    for axis, result, side, count in (("y", of_rows, 45, height), ("x", of_columns, 36, width)):
        at = (np.arange(count) + 0.5) * side / count - 0.5
        distance = np.abs(grid[axis].values[:, None] - at)
        np.testing.assert_allclose(distance[result, np.arange(count)], distance.min(axis=0))
    assert paint_cells(grid, height=height, width=width).shape == (height, width, 3)


def test_the_red_of_a_cell_comes_first() -> None:
    grid = colors(1, 1, 4, 4)
    grid[:] = np.array([1.0, 0.5, 0.0])
    assert paint_cells(grid)[2, 2].tolist() == [255, 128, 0]


def test_cells_without_a_colour_are_neutral() -> None:
    grid = colors(2, 2, 20, 20)
    grid[0, 1] = np.nan
    picture = paint_cells(grid)
    assert (picture[:10, 10:] == NEUTRAL).all()
    assert (picture[:10, :10] == np.rint(grid.values[0, 0] * 255)).all()


def test_a_mask_cuts_the_picture_out_along_its_edge() -> None:
    grid = colors(3, 3, 30, 30)
    grid[:, 2] = np.nan
    mask = np.zeros((30, 30), bool)
    mask[:, :23] = True
    picture = paint_cells(grid, mask=mask)
    assert (picture[:, 23:] == NEUTRAL).all()
    # The cells that the edge crosses take the colour of the nearest cell inside.
    np.testing.assert_array_equal(picture[5, 22], np.rint(grid.values[0, 1] * 255))
    np.testing.assert_array_equal(picture[5, 5], np.rint(grid.values[0, 0] * 255))


def test_cells_in_the_mask_without_a_colour_stay_neutral() -> None:
    grid = colors(3, 3, 30, 30)
    grid[1, 1] = np.nan
    mask = np.zeros((30, 30), bool)
    mask[5:25, 5:25] = True
    assert (paint_cells(grid, mask=mask)[12:18, 12:18] == NEUTRAL).all()


def test_the_edge_of_a_mask_stays_where_it_is_at_other_sizes() -> None:
    grid = colors(2, 2, 20, 20)
    grid[:] = 0.0
    mask = np.zeros((20, 20), bool)
    mask[:, :10] = True
    for size in (10, 20, 55, 400):
        share = 1 - paint_cells(grid, height=size, width=size, mask=mask).mean() / NEUTRAL[0]
        assert share == pytest.approx(0.5, abs=0.02)


def test_a_photograph_keeps_its_size_and_its_colours() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_photograph(pixels, 6, 9), pixels)
    assert resize_photograph(pixels, 3, 20).shape == (3, 20, 3)


def test_a_tint_keeps_what_is_light_and_dark() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0] = 255
    colour = np.full((2, 2, 3), (200, 100, 0), np.uint8)
    tinted = tint_photograph(pixels, colour, 0.5)
    assert tinted[0, 0].tolist() == [228, 178, 128]
    assert tinted[1, 0].tolist() == [100, 50, 0]
    np.testing.assert_array_equal(tint_photograph(pixels, colour, 1.0), colour)
