from dataclasses import replace

import numpy as np
from descr.applications.flow.cells import CellFlow
from descr.applications.flow.smoothing import _weighted_median, smooth
from descr.descriptors.features.grids import Grid
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS, COLUMNS = 9, 12


def cell_flow(x, y=None, inside=None) -> CellFlow:
    x = np.array(x, dtype=float)
    y = np.zeros_like(x) if y is None else np.array(y, dtype=float)
    inside = np.ones(x.shape, dtype=bool) if inside is None else inside
    grid = Grid(*(np.arange(count) * 8 + 3.5 for count in x.shape))
    return CellFlow(grid, np.where(inside, x, np.nan), y, np.ones_like(x), inside, 8.0)


def alike(rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    """Features that are the same everywhere."""
    features = np.zeros((4, rows, columns), dtype=np.float32)
    features[0] = 1
    return features


def smoothed(there: CellFlow, back: CellFlow, features=None, radius: int = 2) -> CellFlow:
    features = alike(*there.x.shape) if features is None else features
    return smooth(there, back, features, alike(*back.x.shape), radius)[0]


def negative(flow: CellFlow) -> CellFlow:
    return replace(flow, x=-flow.x, y=-flow.y)


def test_an_even_flow_stays_as_it_is():
    there = cell_flow(np.full((ROWS, COLUMNS), 3.0), np.full((ROWS, COLUMNS), -1.0))
    result = smoothed(there, negative(there))
    np.testing.assert_array_equal(result.x, 3)
    np.testing.assert_array_equal(result.y, -1)


def test_lone_errors_vanish():
    even = cell_flow(np.full((ROWS, COLUMNS), 3.0))
    there = replace(even, x=even.x.copy())
    there.x[4, 5] = 60
    there.x[0, 0] = -40
    np.testing.assert_array_equal(smoothed(there, negative(even)).x, 3)


def test_unmatched_cells_and_wide_errors_are_filled_from_the_rim():
    even = cell_flow(np.full((ROWS, COLUMNS), 3.0))
    there = replace(even, x=even.x.copy())
    there.x[:, 6:] = np.linspace(40, 60, ROWS * 6).reshape(ROWS, 6)
    there.x[2:4, 1:3] = np.nan
    result = smoothed(there, negative(even), radius=1)
    np.testing.assert_array_equal(result.x, 3)


def test_an_edge_stays_where_it_is():
    step = np.where(np.arange(COLUMNS) < 6, 0.0, 8.0)
    there = cell_flow(np.broadcast_to(step, (ROWS, COLUMNS)))
    back = cell_flow(np.broadcast_to(np.where(np.arange(COLUMNS) < 7, 0.0, -8.0), (ROWS, COLUMNS)))
    np.testing.assert_array_equal(smoothed(there, back).x, there.x)


def test_cells_that_look_alike_move_alike():
    """One column of its own look and flow survives among 4 of another: it is like itself alone."""
    flow = np.zeros((ROWS, COLUMNS))
    flow[:, 5] = 8
    features = alike()
    features[:, :, 5] = np.array([0, 1, 0, 0])[:, None]
    there = cell_flow(flow)
    kept = smoothed(there, negative(there), features)
    np.testing.assert_array_equal(kept.x[:, 5], 8)
    lost = smoothed(there, negative(there))
    np.testing.assert_array_equal(lost.x, 0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 100), radius=st.integers(1, 4))
def test_nothing_crosses_the_border_of_the_mask(seed, radius):
    rng = np.random.default_rng(seed)
    inside = rng.random((ROWS, COLUMNS)) < 0.6
    flow, other = rng.normal(size=(2, ROWS, COLUMNS)) * 5
    there = cell_flow(flow, inside=inside)
    back = cell_flow(np.zeros((ROWS, COLUMNS)))
    result = smoothed(there, back, radius=radius)
    assert not result.valid[~inside].any()
    assert result.valid[inside].all()
    # Every displacement is one of those inside.
    assert np.isin(result.x[inside], flow[inside]).all()
    changed = cell_flow(np.where(inside, flow, other), inside=inside)
    np.testing.assert_array_equal(smoothed(changed, back, radius=radius).x, result.x)


def test_a_part_of_the_mask_out_of_reach_keeps_its_own_flow():
    inside = np.ones((ROWS, COLUMNS), dtype=bool)
    inside[:, 4:8] = False
    flow = np.where(np.arange(COLUMNS) < 6, 0.0, 50.0) * np.ones((ROWS, 1))
    back = cell_flow(np.zeros((ROWS, COLUMNS)))
    result = smoothed(cell_flow(flow, inside=inside), back, radius=2)
    np.testing.assert_array_equal(result.x[:, :4], 0)
    np.testing.assert_array_equal(result.x[:, 8:], 50)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 4)), min_size=1, max_size=12).filter(
        lambda pairs: any(weight for _, weight in pairs)
    )
)
def test_the_weighted_median_is_that_of_repeated_values(pairs):
    values, weights = np.array(pairs, dtype=float).T
    repeated = np.sort(np.repeat(values, weights.astype(int)))
    assert _weighted_median(values[None], weights[None])[0] == repeated[(len(repeated) - 1) // 2]


def test_the_median_of_no_weight_is_unknown():
    assert np.isnan(_weighted_median(np.ones((1, 3)), np.zeros((1, 3))))[0]
