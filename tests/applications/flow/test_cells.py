import numpy as np
import pytest
from descr.applications.flow.cells import CellFlow, Frame, round_trip
from descr.descriptors.features.grids import Grid, nearest_pixels
from descr.matchers import MutualNearestNeighbor, NearestNeighbor
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st

CELL = 8.0


def cell_flow(x: np.ndarray, y: np.ndarray | None = None) -> CellFlow:
    """Flow on cells of 8 x 8 pixels."""
    x = np.asarray(x, dtype=float)
    rows, columns = x.shape
    grid = Grid(*(np.arange(count) * CELL + 3.5 for count in (rows, columns)))
    return CellFlow(
        grid=grid,
        x=x,
        y=np.zeros_like(x) if y is None else np.asarray(y, dtype=float),
        score=np.ones_like(x),
        inside=np.ones(x.shape, dtype=bool),
        cell=CELL,
    )


@settings(max_examples=40, deadline=None)
@given(
    slope=st.tuples(*[st.floats(-1, 1)] * 4),
    places=st.lists(st.tuples(st.floats(3.5, 27.5), st.floats(3.5, 35.5)), min_size=1),
)
def test_a_linear_flow_is_read_exactly_between_the_cells(slope, places):
    grid_y, grid_x = np.meshgrid(np.arange(4) * 8 + 3.5, np.arange(5) * 8 + 3.5, indexing="ij")

    def linear(y, x):
        return slope[0] * x + slope[1] * y + 1, slope[2] * x + slope[3] * y - 2

    y, x = np.array(places).T
    read_x, read_y = cell_flow(*linear(grid_y, grid_x)).read(y, x)
    true_x, true_y = linear(y, x)
    np.testing.assert_allclose(read_x, true_x, atol=1e-9)
    np.testing.assert_allclose(read_y, true_y, atol=1e-9)


def test_beyond_the_outermost_centres_the_nearest_cell_goes_on():
    flow = cell_flow([[1, 2], [3, 4]])
    read, _ = flow.read(np.array([-0.5, 0.0, 15.5, 15.5]), np.array([-0.5, 15.5, 0.0, 15.5]))
    np.testing.assert_array_equal(read, [1, 2, 3, 4])


def test_places_broadcast():
    read, _ = cell_flow(np.zeros((3, 4))).read(np.arange(5.0)[:, None], np.arange(7.0)[None])
    assert read.shape == (5, 7)


def test_unknown_cells_give_nothing():
    flow = cell_flow([[1, np.nan], [1, 3]])
    # Between 1 and the unknown cell the known one counts alone; on the unknown one nothing does.
    read, _ = flow.read(np.array([3.5, 3.5, 3.5]), np.array([9.5, 11.4, 11.5]))
    np.testing.assert_array_equal(read, [1, 1, np.nan])


def test_flow_that_is_torn_is_not_mixed():
    # Three cells are 24 pixels: 25 apart are two surfaces, 24 are one.
    torn, _ = cell_flow([[0, 25.0]]).read(np.full(3, 3.5), np.array([5.5, 7.4, 7.6]))
    np.testing.assert_array_equal(torn, [0, 0, 25])
    whole, _ = cell_flow([[0, 24.0]]).read(np.full(3, 3.5), np.array([5.5, 7.5, 9.5]))
    np.testing.assert_allclose(whole, [6, 12, 18])


def test_what_goes_with_a_cell_is_read_with_its_weight():
    flow = cell_flow([[0, 100.0, np.nan]])
    score = np.array([[0.5, 0.9, 0.1]])
    *_, read = flow.read(np.full(3, 3.5), np.array([7.0, 8.0, 15.5]), score)
    np.testing.assert_allclose(read, [0.5, 0.9, 0.9])
    # A value that is not known where the flow is stays unknown, and no other place.
    error = np.array([[np.nan, 1.0, np.nan]])
    *_, read = flow.read(np.full(3, 3.5), np.array([7.0, 8.0, 15.5]), error)
    np.testing.assert_array_equal(read, [np.nan, 1, 1])


def test_what_a_matcher_found_becomes_displacements():
    source, target = render_map(4, 5), render_map(3, 6, stride=16, seed=3)
    result = NearestNeighbor()(source, target)
    flow = CellFlow.of(result, target)
    np.testing.assert_array_equal(flow.x, result["target_x"] - result["x"])
    np.testing.assert_array_equal(flow.y, result["target_y"] - result["y"])
    assert flow.inside.all()
    assert flow.cell == 16


def test_cells_outside_the_mask_are_told_from_cells_without_a_match():
    source, target = render_map(4, 5), render_map(4, 5, seed=3)
    mask = np.zeros((32, 40), dtype=bool)
    mask[:, :16] = True
    flow = CellFlow.of(MutualNearestNeighbor()(source, target, source_mask=mask), target, mask)
    np.testing.assert_array_equal(flow.inside, np.arange(5)[None] < np.full((4, 1), 2))
    assert not flow.valid[~flow.inside].any()
    assert not flow.valid[flow.inside].all()


def test_cells_are_taken_out():
    flow = cell_flow([[1, 2.0]]).without(np.array([[True, False]]))
    np.testing.assert_array_equal(flow.valid, [[False, True]])


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
def test_grids_of_one_row_or_column_are_read(shape):
    read, _ = cell_flow(np.full(shape, 7.0)).read(np.array([0.0, 30.0]), np.array([30.0, 0.0]))
    np.testing.assert_array_equal(read, 7)


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


NUMBERS = st.floats(-30, 60)


def bring_in(frame: Frame, places) -> list[tuple[float, float]]:
    y, x = np.array(places, dtype=float).T
    return list(zip(*(part.tolist() for part in frame.bring_in(y, x)), strict=True))


def test_places_inside_stay_where_they_are():
    places = [(0.0, 0.0), (3.25, 7.5), (-0.5, 19.5), (9.5, -0.5)]
    assert bring_in(Frame(10, 20, None, 4), places) == places


def test_places_a_little_outside_come_to_the_border():
    result = bring_in(Frame(10, 20, None, 4), [(-1.0, 7.25), (11.0, 22.0), (5.0, -4.0)])
    assert result == [(-0.5, 7.25), (9.5, 19.5), (5.0, -0.5)]


def test_places_far_outside_and_unknown_ones_are_unknown():
    result = bring_in(Frame(10, 20, None, 4), [(5.0, -4.6), (np.nan, 3.0), (3.0, np.nan)])
    assert np.isnan(result).all()


def test_places_outside_the_mask_come_to_its_nearest_pixel():
    mask = np.zeros((10, 20), dtype=bool)
    mask[4:7, 5:9] = True
    frame = Frame(10, 20, mask, 2.5)
    places = [(5.3, 6.8), (6.4, 8.4), (7.0, 10.0), (1.9, 6.0), (1.0, 6.0)]
    result = bring_in(frame, places)
    assert result[:4] == [(5.3, 6.8), (6.4, 8.4), (6.0, 8.0), (4.0, 6.0)]
    assert np.isnan(result[4]).all()


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1),
    seed=st.integers(0, 20),
    reach=st.floats(0, 30),
)
def test_whatever_is_known_lies_in_the_mask(places, seed, reach):
    mask = np.random.default_rng(seed).random((12, 17)) < 0.3
    mask[3, 4] = True
    y, x = np.array(places).T
    in_y, in_x = Frame(12, 17, mask, reach).bring_in(y, x)
    certain = np.isfinite(in_y)
    np.testing.assert_array_equal(certain, np.isfinite(in_x))
    assert mask[nearest_pixels(in_y[certain], 12), nearest_pixels(in_x[certain], 17)].all()
    assert (np.hypot(in_y - y, in_x - x)[certain] <= reach).all()
