"""Parity with the arrays computed with the published implementations, at temperature 0.02."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from descr.matchers import MutualNearestNeighbor, NearestNeighbor, SoftArgmax

SIDE = 60
STRIDE = 8.0
ARRAYS = np.load(Path(__file__).parents[1] / "data" / "matching.npz")
QUERIES = ARRAYS["query_cell"]


def fmap(name):
    centres = np.arange(SIDE) * STRIDE + (STRIDE - 1) / 2
    return xr.DataArray(
        ARRAYS[name],
        dims=("channel", "y", "x"),
        coords={"y": centres, "x": centres},
        attrs={
            "image_name": f"{name}.png",
            "image_height": int(SIDE * STRIDE),
            "image_width": int(SIDE * STRIDE),
            "basis": "reference",
        },
    )


def in_cells(result):
    """The target's columns and rows (place, 2)."""
    at = np.stack([result["target_x"].values.ravel(), result["target_y"].values.ravel()], axis=1)
    return (at - (STRIDE - 1) / 2) / STRIDE


def scores():
    source, target = (
        ARRAYS[name].reshape(8, -1).astype(np.float64) for name in ("source", "target")
    )
    source, target = (
        source / np.linalg.norm(source, axis=0),
        target / np.linalg.norm(target, axis=0),
    )
    return source.T @ target


def assert_same_cells(result, expected, scores):
    """The same cells except where two scores differ by less than 1e-5."""
    column, row = in_cells(result).astype(int).T
    ours = row * SIDE + column
    queries = np.arange(len(expected))
    difference = np.abs(scores[queries, ours] - scores[queries, expected])
    assert (difference < 1e-5).all()
    assert (ours == expected).mean() > 0.999


def test_nearest_cells():
    result = NearestNeighbor()(fmap("source"), fmap("target"))
    flat = result.stack(place=("y", "x")).isel(place=QUERIES)
    assert_same_cells(flat, ARRAYS["nearest_cell"], scores()[QUERIES])
    assert np.abs(flat["score"].values - ARRAYS["score"]).max() < 1e-6


def test_nearest_cells_reverse():
    result = NearestNeighbor()(fmap("target"), fmap("source"))
    assert_same_cells(result, ARRAYS["nearest_cell_reverse"], scores().T)


def test_mutual_cells():
    result = MutualNearestNeighbor()(fmap("source"), fmap("target"))
    matched = result["matched"].values.ravel()[QUERIES]
    back = ARRAYS["nearest_cell_reverse"][ARRAYS["nearest_cell"]]
    assert np.array_equal(matched, back == QUERIES)
    assert 0.2 < matched.mean() < 0.8


@pytest.mark.parametrize("window", [7, None])
def test_soft_argmax(window):
    result = SoftArgmax(window=window)(fmap("source"), fmap("target"))
    expected = ARRAYS[f"soft_argmax_window{window or 0}_xy"]
    high = ARRAYS["score"] > 0.5
    assert high.sum() > 200
    assert np.abs(in_cells(result)[QUERIES] - expected)[high].max() < 1e-3


def test_points_at_the_centres_of_the_cells():
    source, target = fmap("source"), fmap("target")
    points = np.stack([QUERIES % SIDE, QUERIES // SIDE], axis=1) * STRIDE + (STRIDE - 1) / 2
    for matcher in (NearestNeighbor(), MutualNearestNeighbor(), SoftArgmax()):
        grid = matcher(source, target)
        of_points = matcher(source, target, points=points)
        for name in ("target_x", "target_y", "matched"):
            assert np.allclose(
                of_points[name].values,
                grid[name].values.ravel()[QUERIES],
                rtol=0,
                atol=1e-3,
                equal_nan=True,
            )
