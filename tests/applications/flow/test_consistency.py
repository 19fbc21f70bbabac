import numpy as np
from descr.applications.flow.cells import CellFlow
from descr.applications.flow.consistency import round_trip
from descr.descriptors.grids import Grid


def cell_flow(x, y) -> CellFlow:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    grid = Grid(*(np.arange(count) * 8 + 3.5 for count in x.shape))
    return CellFlow(grid, x, y, np.ones_like(x), np.ones(x.shape, dtype=bool), 8.0)


def test_a_way_back_to_the_start_has_no_error():
    there = cell_flow(np.full((3, 4), 5.0), np.full((3, 4), -2.0))
    back = cell_flow(np.full((3, 4), -5.0), np.full((3, 4), 2.0))
    np.testing.assert_array_equal(round_trip(there, back), 0)


def test_the_error_is_the_distance_between_start_and_end():
    there = cell_flow(np.zeros((2, 2)), np.zeros((2, 2)))
    back = cell_flow(np.full((2, 2), 3.0), np.full((2, 2), -4.0))
    np.testing.assert_array_equal(round_trip(there, back), 5)


def test_the_way_back_is_read_where_the_way_there_ends():
    there = cell_flow([[4.0, 8.0, 0.0]], np.zeros((1, 3)))
    back = cell_flow([[0.0, -8.0, 6.0]], np.zeros((1, 3)))
    # From 3.5 to 7.5, half way between 0 and -8; from 11.5 to 19.5; from 19.5 to itself.
    np.testing.assert_allclose(round_trip(there, back), [[0, 14, 6]])


def test_what_is_unknown_in_either_direction_has_no_error():
    there = cell_flow([[np.nan, 0.0, 0.0]], np.zeros((1, 3)))
    back = cell_flow([[0.0, np.nan, 0.0]], np.zeros((1, 3)))
    np.testing.assert_array_equal(round_trip(there, back), [[np.nan, np.nan, 0]])
