import numpy as np
import pytest
from descr.applications.evaluation.metrics import (
    AVERAGES,
    average_pairs,
    bootstrap_difference,
    bootstrap_interval,
)
from descr.descriptors.errors import OptionError

RANDOM = np.random.default_rng(3)
POINTS = RANDOM.integers(0, 12, 60)
RIGHT = RANDOM.binomial(POINTS, 0.6)
CATEGORY = RANDOM.choice(["a", "b", "c"], 60)


@pytest.mark.parametrize(
    ("average", "category"),
    [("per-point", None), ("per-image", None), *((average, CATEGORY) for average in AVERAGES)],
)
def test_the_interval_is_that_of_averages_of_drawn_pairs(average, category):
    """Against pairs that are drawn one resample at a time, by other random numbers."""
    result = bootstrap_interval(RIGHT, POINTS, average, category=category, resamples=2000)
    counts = np.flatnonzero(POINTS > 0)
    groups = [counts]
    if category is not None:
        groups = [counts[category[counts] == name] for name in np.unique(category)]
    random = np.random.default_rng(99)
    values = []
    for _ in range(1000):
        drawn = np.concatenate([random.choice(own, len(own)) for own in groups])
        classes = None if category is None else category[drawn]
        values.append(average_pairs(RIGHT[drawn], POINTS[drawn], average, category=classes))
    assert result.value == average_pairs(RIGHT, POINTS, average, category=category)
    expected = np.quantile(values, [0.025, 0.975])
    assert np.allclose([result.low, result.high], expected, rtol=0, atol=0.015)
    assert result.low < result.value < result.high


def test_intervals_cover_the_truth_as_often_as_they_say():
    """Shares of 0.7 for pairs of 6 points: of 300 intervals of 90 %, about 270 hold it."""
    random = np.random.default_rng(1)
    held = 0
    for seed in range(300):
        points = np.full(120, 6)
        right = random.binomial(points, 0.7)
        result = bootstrap_interval(right, points, "per-image", level=0.9, resamples=300, seed=seed)
        held += result.low <= 0.7 <= result.high
    assert 250 <= held <= 288


def test_a_difference_is_measured_on_the_same_pairs():
    """Two runs that differ by one point in every pair: certain, however hard the pairs are."""
    points = np.full(200, 10)
    hard = np.random.default_rng(0).integers(0, 10, 200)
    result = bootstrap_difference(hard + 1, hard, points, "per-point")
    assert (result.value, result.low, result.high) == pytest.approx((0.1, 0.1, 0.1))
    alone = bootstrap_interval(hard, points, "per-point")
    assert alone.high - alone.low > 0.05
    other = bootstrap_difference(hard, hard + 1, points, "per-point")
    assert other.value == pytest.approx(-0.1)
    none = bootstrap_difference(hard, hard, points, "per-class", category=["a"] * 200)
    assert (none.value, none.low, none.high) == (0, 0, 0)


def test_the_seed_decides():
    result = bootstrap_interval(RIGHT, POINTS, "per-point", seed=5, resamples=200)
    assert result == bootstrap_interval(RIGHT, POINTS, "per-point", seed=5, resamples=200)
    assert result != bootstrap_interval(RIGHT, POINTS, "per-point", seed=6, resamples=200)


def test_pairs_without_points_change_nothing():
    counts = POINTS > 0
    assert not counts.all()
    assert bootstrap_interval(RIGHT, POINTS, "per-image", seed=2) == bootstrap_interval(
        RIGHT[counts], POINTS[counts], "per-image", seed=2
    )


def test_a_quantity_of_any_kind_and_a_single_pair():
    errors = np.array([1.5, 2.5, 10.0])
    result = bootstrap_interval(errors, np.ones(3), "per-image")
    assert result.value == pytest.approx(14 / 3)
    assert (result.low, result.high) == (1.5, 10)
    one = bootstrap_interval([3], [4], "per-point")
    assert (one.value, one.low, one.high) == (0.75, 0.75, 0.75)
    nothing = bootstrap_interval([0], [0], "per-point")
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()


def test_an_infinite_value_has_no_interval():
    """A pair without an answer has an infinite error; so has the mean, wherever it is drawn."""
    errors = [np.inf, 1.0, 2.0]
    result = bootstrap_interval(errors, np.ones(3), "per-image")
    assert result.value == np.inf
    assert np.isnan([result.low, result.high]).all()
    both = bootstrap_difference(errors, errors, np.ones(3), "per-image")
    assert np.isnan([both.value, both.low, both.high]).all()
    one = bootstrap_difference(errors, [1.0, 1.0, 2.0], np.ones(3), "per-image")
    assert one.value == np.inf


@pytest.mark.parametrize(
    "change",
    [
        {"level": 1},
        {"level": 0},
        {"resamples": 0},
        {"seed": -1},
        {"points": [1]},
        {"average": "per-class"},
    ],
)
def test_what_makes_no_sense_is_refused(change):
    with pytest.raises(OptionError):
        bootstrap_interval(**{"right": [1, 1], "points": [2, 2], "average": "per-point", **change})
