import numpy as np
import pytest
from descr.applications.evaluation.metrics import (
    AVERAGES,
    COMPARISONS,
    average_pairs,
    count_correct,
    pck,
    pck_variants,
)
from descr.descriptors.errors import OptionError
from hypothesis import given, settings
from hypothesis import strategies as st

NAN = np.nan
# Three cats and one dog; the third pair has no common point. With a length of 100 and alpha 0.1
# a point is right within 10 pixels, and two lie right on the edge.
DISTANCE = np.array([[1, 10, 30, NAN], [2, NAN, NAN, NAN], [NAN] * 4, [5, 50, 10, 60]], dtype=float)
LENGTH = np.full(4, 100.0)
CATEGORY = ["cat", "cat", "cat", "dog"]


@pytest.mark.parametrize(
    ("average", "comparison", "expected"),
    [
        ("per-point", "<", 3 / 8),
        ("per-point", "<=", 5 / 8),
        ("per-image", "<", (1 / 3 + 1 + 1 / 4) / 3),
        ("per-image", "<=", (2 / 3 + 1 + 2 / 4) / 3),
        ("per-class", "<", (2 / 4 + 1 / 4) / 2),
        ("per-class", "<=", (3 / 4 + 2 / 4) / 2),
        ("keypoint-weighted", "<", (4 * 2 / 4 + 4 * 1 / 4) / 8),
        ("keypoint-weighted", "<=", 5 / 8),
        ("pair-weighted", "<", (2 * 2 / 4 + 1 * 1 / 4) / 3),
        ("pair-weighted", "<=", (2 * 3 / 4 + 1 * 2 / 4) / 3),
    ],
)
def test_each_variant_by_hand(average, comparison, expected):
    result = pck(DISTANCE, LENGTH, [0.1], average=average, comparison=comparison, category=CATEGORY)
    assert result == pytest.approx([expected])
    table = pck_variants(DISTANCE, {"bbox": LENGTH}, [0.1], category=CATEGORY)["pck"]
    cell = table.sel(threshold="bbox", average=average, comparison=comparison, alpha=0.1)
    assert float(cell) == result[0]


def test_the_threshold_decides_the_number():
    table = pck_variants(DISTANCE, {"bbox": LENGTH, "image": 6 * LENGTH}, [0.05, 0.1])["pck"]
    cell = table.sel(average="per-point", comparison="<")
    assert cell.sel(threshold="bbox", alpha=0.1) == 3 / 8
    assert cell.sel(threshold="image", alpha=0.1) == 7 / 8
    assert cell.sel(threshold="image", alpha=0.05) == 5 / 8


def test_a_table_says_how_much_counts_in_whole_and_in_parts():
    flags = {"viewpoint": ["0", "2", "2", "0"], "occlusion": ["0", "", "", "1"]}
    table = pck_variants(DISTANCE, {"bbox": LENGTH}, [0.1], category=CATEGORY, flags=flags)
    assert (int(table["pairs"]), int(table["points"]), int(table["skipped_pairs"])) == (3, 8, 1)
    assert table["average"].values.tolist() == list(AVERAGES)
    assert table["pairs_by_category"].sel(category=["cat", "dog"]).values.tolist() == [2, 1]
    assert table["points_by_category"].values.tolist() == [4, 4]
    pooled = table.sel(threshold="bbox", average="per-point", comparison="<", alpha=0.1)
    assert pooled["pck_by_category"].values.tolist() == [2 / 4, 1 / 4]
    assert pooled["pck_by_viewpoint"].sel(viewpoint=["0", "2"]).values.tolist() == [2 / 7, 1]
    assert table["occlusion"].values.tolist() == ["0", "1"]
    assert pooled["pck_by_occlusion"].values.tolist() == [1 / 3, 1 / 4]
    assert table["pairs_by_viewpoint"].values.tolist() == [2, 1]


def test_without_categories_there_are_no_averages_over_classes():
    table = pck_variants(DISTANCE, {"image": LENGTH}, [0.1])
    assert table["average"].values.tolist() == ["per-point", "per-image"]
    assert "pck_by_category" not in table
    with pytest.raises(OptionError, match="per-class needs the category"):
        pck(DISTANCE, LENGTH, [0.1], average="per-class")


def test_where_nothing_counts_the_number_is_missing():
    nothing = np.full((2, 3), NAN)
    for average in AVERAGES:
        result = pck(nothing, [NAN, NAN], [0.1], average=average, category=["a", "b"])
        assert np.isnan(result).all()
    table = pck_variants(nothing, {"bbox": [NAN, NAN]}, [0.1], category=["a", "b"])
    assert np.isnan(table["pck"]).all()
    assert int(table["skipped_pairs"]) == 2


def test_a_point_without_a_prediction_is_wrong():
    distance = [[np.inf, 0.0]]
    assert pck(distance, [10], [0.1], average="per-point", comparison="<=") == [0.5]


@st.composite
def cases(draw):
    seed = draw(st.integers(0, 10_000))
    random = np.random.default_rng(seed)
    pairs, points = draw(st.integers(1, 9)), draw(st.integers(1, 6))
    # Whole numbers, so that some distances lie on the edge.
    distance = random.integers(0, 12, (pairs, points)).astype(float)
    distance[random.random((pairs, points)) < 0.3] = NAN
    distance[random.random((pairs, points)) < 0.1] = np.inf
    length = random.integers(1, 120, pairs).astype(float)
    return distance, length, random.choice(["a", "b", "c"], pairs)


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from(AVERAGES), st.sampled_from(COMPARISONS))
def test_bounds_monotony_and_scale(case, average, comparison):
    distance, length, category = case
    alphas = [0.01, 0.05, 0.1, 0.5]

    def value(factor=1.0, order=slice(None), how=comparison):
        return pck(
            factor * distance[order],
            factor * length[order],
            alphas,
            average=average,
            comparison=how,
            category=category[order],
        )

    result = value()
    if np.isnan(distance).all():
        assert np.isnan(result).all()
        return
    assert (result >= 0).all()
    assert (result <= 1 + 1e-12).all()
    assert (np.diff(result) >= 0).all()
    # A power of two scales the numbers of a computer exactly.
    assert np.array_equal(result, value(factor=8.0))
    assert np.allclose(result, value(order=slice(None, None, -1)), rtol=0, atol=1e-12)
    assert (value(how="<") <= value(how="<=") + 1e-12).all()


@settings(max_examples=40, deadline=None)
@given(cases(), st.sampled_from(COMPARISONS))
def test_keypoint_weighted_is_per_point_and_one_class_has_one_average_of_classes(case, comparison):
    distance, length, category = case
    right, points = count_correct(distance, length, [0.1, 0.2], comparison=comparison)
    pooled = average_pairs(right, points, "per-point")
    weighted = average_pairs(right, points, "keypoint-weighted", category=category)
    assert np.allclose(pooled, weighted, rtol=0, atol=1e-12, equal_nan=True)
    for average in ("per-class", "pair-weighted"):
        alone = average_pairs(right, points, average, category=np.full(len(points), "a"))
        assert np.allclose(pooled, alone, rtol=0, atol=1e-12, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(cases(), st.sampled_from(AVERAGES))
def test_weights_stand_for_repeated_pairs(case, average):
    distance, length, category = case
    right, points = count_correct(distance, length, [0.1, 0.3])
    which = np.random.default_rng(0).integers(0, len(points), (3, len(points)))
    weights = np.array([np.bincount(row, minlength=len(points)) for row in which])
    result = average_pairs(right, points, average, category=category, weights=weights)
    for column, row in enumerate(which):
        repeated = average_pairs(right[:, row], points[row], average, category=category[row])
        assert np.allclose(result[:, column], repeated, rtol=0, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distance": [1.0]}, "distance has the shape"),
        ({"distance": [[-1.0]]}, "negative"),
        ({"length": [1.0, 2.0]}, "length has the shape"),
        ({"length": [0.0]}, "length of pair 0 is 0"),
        ({"length": [NAN]}, "length of pair 0 is nan"),
        ({"alphas": [0.0]}, "alpha must be"),
        ({"alphas": []}, "at least one"),
        ({"alphas": [0.1, 0.1]}, "different"),
        ({"alphas": 0.1}, "list of numbers"),
        ({"average": "per-pixel"}, "average must be one of"),
        ({"comparison": "=<"}, "comparison must be one of"),
        ({"average": "per-class", "category": ["a", "b"]}, "category has the shape"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    given = {"distance": [[1.0]], "length": [10.0], "alphas": [0.1], "average": "per-point"}
    with pytest.raises(OptionError, match=message):
        pck(**{**given, **change})


@pytest.mark.parametrize("name", ["alpha", "threshold", "category"])
def test_a_flag_is_not_called_like_a_dimension(name):
    with pytest.raises(OptionError, match=name):
        pck_variants(DISTANCE, {"bbox": LENGTH}, [0.1], flags={name: CATEGORY})


def test_a_table_needs_a_threshold():
    with pytest.raises(OptionError, match="lengths"):
        pck_variants(DISTANCE, {}, [0.1])
