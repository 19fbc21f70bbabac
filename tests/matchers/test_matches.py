import numpy as np
import pytest
import xarray as xr
from descr.descriptors.errors import OptionError
from descr.matchers import MutualNearestNeighbor, NearestNeighbor, spread_matches, to_matches
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st

COLUMNS = ["source_x", "source_y", "target_x", "target_y", "score"]


def listed(x, y, score=None):
    """Matches at these source places, best first."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    score = np.linspace(1, 0, len(x)) if score is None else score
    columns = dict(zip(COLUMNS, (x, y, x + 1, y + 2, score), strict=True))
    return xr.Dataset({name: ("match", values) for name, values in columns.items()})


def rows(matches):
    return [tuple(row) for row in matches.to_dataframe()[COLUMNS].to_numpy()]


def test_matches_of_a_grid():
    result = MutualNearestNeighbor()(render_map(9, 7), render_map(8, 6, seed=1))
    matches = to_matches(result)
    assert list(matches.data_vars) == COLUMNS
    assert matches.sizes == {"match": int(result["matched"].sum())}
    assert (np.diff(matches["score"]) <= 0).all()
    assert matches.attrs == result.attrs
    for x, y, target_x, target_y, score in rows(matches):
        place = result.sel(x=x, y=y)
        assert (place["target_x"], place["target_y"], place["score"]) == (target_x, target_y, score)


def test_a_grid_with_its_dimensions_in_another_order_has_the_same_matches():
    result = MutualNearestNeighbor()(render_map(9, 7), render_map(8, 6, seed=1))
    turned = to_matches(result.transpose("x", "y"))
    assert sorted(rows(turned)) == sorted(rows(to_matches(result)))


def test_matches_of_points():
    points = [(30.0, 2.0), (1.0, 1.0), (9.0, 20.0)]
    result = NearestNeighbor()(render_map(9, 7), render_map(8, 6, seed=1), points=points)
    matches = to_matches(result)
    order = np.argsort(-result["score"].values)
    assert np.array_equal(matches["source_x"], np.array(points)[order, 0])
    assert np.array_equal(matches["source_y"], np.array(points)[order, 1])
    assert np.array_equal(matches["target_x"], result["target_x"][order])


def test_what_else_correspondences_hold_is_listed_with_them():
    source, target = render_map(9, 7), render_map(8, 6, seed=1)
    result = MutualNearestNeighbor(margin=1)(source, target)
    result["model"] = ("row", "column"), np.eye(3)
    matches = to_matches(result)
    assert list(matches.data_vars) == [*COLUMNS, "margin", "model"]
    assert matches["margin"].dims == ("match",)
    assert matches["margin"].attrs == result["margin"].attrs
    first = matches.isel(match=0)
    assert first["margin"] == result["margin"].sel(x=first["source_x"], y=first["source_y"])
    assert matches["model"].identical(result["model"])


def test_equal_scores_keep_the_order_of_the_places():
    fmap = render_map(3, 4)
    result = NearestNeighbor()(fmap, fmap)
    result["score"][:] = 1
    matches = to_matches(result)
    assert np.array_equal(matches["source_y"], np.repeat(fmap["y"], 4))
    assert np.array_equal(matches["source_x"], np.tile(fmap["x"], 3))


def test_no_match_gives_an_empty_list():
    result = NearestNeighbor()(render_map(3, 4), render_map(3, 4, seed=1))
    result["matched"][:] = False
    matches = to_matches(result)
    assert matches.sizes == {"match": 0}
    assert spread_matches(matches, 5).sizes == {"match": 0}


def test_what_is_not_a_result_is_refused():
    with pytest.raises(OptionError, match="lack target_x, target_y, score, matched"):
        to_matches(xr.Dataset())


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=60),
    scale=st.sampled_from([1e-200, 1e-3, 1.0, 8.0, 1e6]),
    count=st.integers(0, 70),
)
def test_exactly_as_many_as_asked_in_the_order_of_the_list(places, scale, count):
    x, y = np.array(places, dtype=float).reshape(-1, 2).T * scale
    matches = listed(x, y)
    spread = spread_matches(matches, count)
    assert spread.sizes["match"] == min(count, len(places))
    assert (np.diff(spread["score"]) < 0).all()
    assert set(rows(spread)) <= set(rows(matches))
    assert spread.identical(spread_matches(matches, count))
    if count and places:
        assert spread["score"][0] == matches["score"][0]


def test_a_corner_with_the_best_scores_does_not_take_all():
    y, x = (axis.ravel() for axis in np.mgrid[:40, :60] * 8.0)
    order = np.argsort(np.hypot(x, y), kind="stable")
    spread = spread_matches(listed(x[order], y[order]), 20)
    assert spread["source_x"].max() > 300
    assert spread["source_y"].max() > 200
    at = np.stack([spread["source_x"], spread["source_y"]], axis=1)
    apart = np.linalg.norm(at[:, None] - at[None], axis=2) + 1e9 * np.eye(20)
    assert apart.min() > 50


def test_matches_on_a_line_are_spread_along_it():
    spread = spread_matches(listed(np.arange(1000.0), np.zeros(1000)), 10)
    assert np.diff(spread["source_x"]).min() >= 50


def test_matches_in_one_spot_are_taken_by_score():
    spread = spread_matches(listed(np.full(9, 3.0), np.full(9, 4.0)), 4)
    assert np.array_equal(spread["score"], listed(np.zeros(9), np.zeros(9))["score"][:4])


def test_ten_thousand_matches_are_spread_quickly():
    import time

    x, y = np.random.default_rng(0).random((2, 10_000)) * 1000
    began = time.perf_counter()
    assert spread_matches(listed(x, y), 9_999).sizes["match"] == 9_999
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("count", [-1, 2.5, None])
def test_bad_counts_are_refused(count):
    with pytest.raises(OptionError, match="count"):
        spread_matches(listed([1], [2]), count)
