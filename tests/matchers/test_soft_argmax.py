import numpy as np
import pytest
import xarray as xr
from descr.descriptors.errors import OptionError
from descr.matchers import NearestNeighbor, SoftArgmax, soft_argmax
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st


def by_definition(source, target, temperature, window, mask=None):
    """Expected x and y (rows, columns), in float64, one cell after the other."""
    rows, columns = target.sizes["y"], target.sizes["x"]
    y, x = np.meshgrid(target["y"], target["x"], indexing="ij")
    row, column = np.mgrid[:rows, :columns]
    inside = np.ones((rows, columns), dtype=bool) if mask is None else mask
    features = target.values.astype(np.float64)
    expected = np.empty((2, source.sizes["y"], source.sizes["x"]))
    for i in range(source.sizes["y"]):
        for j in range(source.sizes["x"]):
            cosine = np.einsum("c,cyx->yx", source.values[:, i, j].astype(np.float64), features)
            cosine[~inside] = -np.inf
            best = np.unravel_index(cosine.argmax(), cosine.shape)
            weight = np.exp((cosine - cosine[best]) / temperature)
            if window is not None:
                weight[np.maximum(abs(row - best[0]), abs(column - best[1])) > window] = 0
            weight /= weight.sum()
            expected[:, i, j] = (weight * x).sum(), (weight * y).sum()
    return expected


def assert_expectation(result, expected, atol):
    assert np.allclose(result["target_x"], expected[0], rtol=0, atol=atol)
    assert np.allclose(result["target_y"], expected[1], rtol=0, atol=atol)


@settings(max_examples=25, deadline=None)
@given(
    window=st.one_of(st.none(), st.integers(0, 9)),
    temperature=st.sampled_from([0.005, 0.02, 0.3, 5.0]),
    shapes=st.lists(st.integers(1, 9), min_size=4, max_size=4),
    masked=st.booleans(),
    block=st.one_of(st.none(), st.integers(1, 20)),
    seed=st.integers(0, 1000),
)
def test_the_expectation_is_that_of_the_definition(
    window, temperature, shapes, masked, block, seed
):
    source = render_map(shapes[0], shapes[1], seed=seed)
    target = render_map(shapes[2], shapes[3], seed=seed + 1)
    mask, pixels = None, None
    if masked:
        mask = np.random.default_rng(seed).random((shapes[2], shapes[3])) < 0.5
        mask.flat[seed % mask.size] = True
        pixels = mask.repeat(8, axis=0).repeat(8, axis=1)
    matcher = SoftArgmax(temperature=temperature, window=window, block=block)
    result = matcher(source, target, target_mask=pixels)
    assert_expectation(result, by_definition(source, target, temperature, window, mask), atol=2e-3)
    assert result["matched"].values.all()


def test_a_low_peak_does_not_leak_out_of_the_window():
    """Outside the window the weight is 0, not that of a cosine of 0."""
    target = render_map(1, 40, channels=41)
    values = np.zeros((41, 1, 40), dtype=np.float32)
    values[np.arange(40), 0, np.arange(40)] = 1
    target = target.copy(data=values)
    source = render_map(1, 1, channels=41)
    query = np.zeros(41, dtype=np.float32)
    query[[5, 40]] = 0.05, np.sqrt(1 - 0.05**2)
    source = source.copy(data=query.reshape(41, 1, 1))
    result = SoftArgmax(window=0)(source, target)
    assert result["target_x"].item() == target["x"][5]
    near = SoftArgmax(window=1)(source, target)
    assert near["target_x"].item() == pytest.approx(float(target["x"][5]))


def test_a_window_of_one_cell_is_the_nearest_neighbour():
    source, target = render_map(6, 9), render_map(8, 5, seed=1)
    hard = NearestNeighbor()(source, target)
    soft = SoftArgmax(window=0)(source, target)
    assert hard.equals(soft)


def test_a_window_larger_than_the_grid_is_the_whole_grid():
    source, target = render_map(6, 9), render_map(8, 5, seed=1)
    whole = SoftArgmax(window=None, temperature=0.2)(source, target)
    window = SoftArgmax(window=10**9, temperature=0.2)(source, target)
    for name in ("target_x", "target_y"):
        assert np.allclose(whole[name], window[name], rtol=0, atol=1e-3)


def test_cells_alike_are_averaged():
    source, target = render_map(1, 1), render_map(3, 5, seed=1)
    target = target.copy(data=np.broadcast_to(source.values, target.shape).copy())
    result = SoftArgmax(window=None)(source, target)
    assert result["target_x"].item() == pytest.approx(19.5)
    assert result["target_y"].item() == pytest.approx(11.5)


def test_uneven_cells_are_expected_in_pixels():
    source, target = render_map(2, 2), render_map(1, 3, seed=1)
    target = target.assign_coords(x=[0.0, 1.0, 20.0])
    result = SoftArgmax(temperature=1.0, window=None)(source, target)
    assert_expectation(result, by_definition(source, target, 1.0, None), atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0},
        {"temperature": float("nan")},
        {"window": -1},
        {"window": 1.5},
        {"dtype": "bfloat16"},
    ],
)
def test_bad_settings_are_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        SoftArgmax(**options)


def test_windows_are_taken_in_parts_that_change_nothing(monkeypatch):
    source, target = render_map(9, 8), render_map(8, 9, seed=1)
    whole = SoftArgmax(window=3)(source, target)
    monkeypatch.setattr(soft_argmax, "_PLACES", 100)
    xr.testing.assert_equal(SoftArgmax(window=3)(source, target), whole)
