import numpy as np
import pytest
from descr.descriptors.errors import OptionError
from descr.matchers import MutualNearestNeighbor, NearestNeighbor
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st

SIDES = st.lists(st.integers(1, 12), min_size=4, max_size=4)


def pairs(result):
    """The matches as a set of (source x, source y, target x, target y)."""
    y, x = np.meshgrid(result["y"], result["x"], indexing="ij")
    matched = result["matched"].values
    columns = (x, y, result["target_x"].values, result["target_y"].values)
    return set(zip(*(column[matched].tolist() for column in columns), strict=True))


def by_definition(source, target, tolerance, inside=None):
    """Whether each source cell comes back to within `tolerance` cells of itself."""
    rows, columns = source.sizes["y"], source.sizes["x"]
    a, b = (fmap.values.reshape(12, -1).astype(np.float64) for fmap in (source, target))
    scores = (a.T @ b).astype(np.float32)
    if inside is not None:
        scores[~inside.ravel()] = -np.inf
    end = scores.argmax(axis=0)[scores.argmax(axis=1)].reshape(rows, columns)
    row, column = np.mgrid[:rows, :columns]
    return np.maximum(abs(end // columns - row), abs(end % columns - column)) <= tolerance


@settings(max_examples=25, deadline=None)
@given(sides=SIDES, seed=st.integers(0, 1000), block=st.one_of(st.none(), st.integers(1, 50)))
def test_swapping_the_images_transposes_the_matches(sides, seed, block):
    a = render_map(sides[0], sides[1], seed=seed)
    b = render_map(sides[2], sides[3], seed=seed + 1)
    matcher = MutualNearestNeighbor(block=block)
    there, back = pairs(matcher(a, b)), pairs(matcher(b, a))
    assert there == {(x, y, u, v) for u, v, x, y in back}
    assert there


@settings(max_examples=25, deadline=None)
@given(
    sides=SIDES,
    seed=st.integers(0, 1000),
    tolerance=st.integers(0, 3),
    block=st.one_of(st.none(), st.integers(1, 50)),
)
def test_kept_is_what_comes_back_within_the_tolerance(sides, seed, tolerance, block):
    source = render_map(sides[0], sides[1], seed=seed)
    target = render_map(sides[2], sides[3], seed=seed + 1)
    result = MutualNearestNeighbor(tolerance=tolerance, block=block)(source, target)
    assert np.array_equal(result["matched"], by_definition(source, target, tolerance))
    nearest = NearestNeighbor()(source, target)
    assert np.array_equal(result["score"], nearest["score"])
    assert result["target_x"].equals(nearest["target_x"].where(result["matched"]))


def test_the_way_back_stays_in_the_source_mask():
    source, target = render_map(9, 9), render_map(9, 9, seed=1)
    inside = np.zeros((9, 9), dtype=bool)
    inside[2:7, 3:8] = True
    result = MutualNearestNeighbor()(
        source, target, source_mask=inside.repeat(8, axis=0).repeat(8, axis=1)
    )
    expected = by_definition(source, target, 0, inside) & inside
    assert np.array_equal(result["matched"], expected)
    alone = by_definition(source, target, 0) & inside
    assert expected.sum() > alone.sum()


def test_a_point_comes_back_to_the_cell_that_holds_it():
    source, target = render_map(9, 9), render_map(9, 9, seed=1)
    grid = MutualNearestNeighbor()(source, target)
    y, x = np.meshgrid(source["y"], source["x"], indexing="ij")
    corners = np.stack([x.ravel() - 3.4, y.ravel() + 3.4], axis=1)
    result = MutualNearestNeighbor()(source, target, points=corners, interpolation="nearest")
    assert np.array_equal(result["matched"], grid["matched"].values.ravel())


def test_points_go_back_over_the_whole_source():
    source, target = render_map(9, 9), render_map(9, 9, seed=1)
    grid = MutualNearestNeighbor()(source, target)
    row, column = np.argwhere(~grid["matched"].values)[0]
    point = [(float(source["x"][column]), float(source["y"][row]))]
    assert not MutualNearestNeighbor()(source, target, points=point)["matched"].item()


def test_a_map_matched_with_itself_keeps_everything():
    fmap = render_map(20, 31)
    assert MutualNearestNeighbor()(fmap, fmap)["matched"].values.all()


@pytest.mark.parametrize("tolerance", [-1, 0.5, "1", True])
def test_bad_tolerances_are_refused(tolerance):
    with pytest.raises(OptionError, match="tolerance"):
        MutualNearestNeighbor(tolerance=tolerance)
