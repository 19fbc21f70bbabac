import cv2
import numpy as np
import pytest
from descr.applications.verification import Affine, Fundamental, Homography, available, create
from descr.applications.verification.testing import list_matches, render_matches
from descr.descriptors.errors import OptionError
from hypothesis import given, settings
from hypothesis import strategies as st

WIDTH, HEIGHT = 800, 600


def project(model, points):
    *places, depth = model @ np.column_stack([points, np.ones(len(points))]).T
    return (np.stack(places) / depth).T


def with_wrong(source, target, wrong, seed):
    """The matches, and as many more as `wrong` at random; those after the right ones."""
    generator = np.random.default_rng(seed + 1)
    others = [generator.uniform((0, 0), (WIDTH, HEIGHT), (wrong, 2)) for _ in range(2)]
    return list_matches(
        *(np.concatenate(pair) for pair in zip((source, target), others, strict=True))
    )


def points(count, seed):
    return np.random.default_rng(seed).uniform((0, 0), (WIDTH, HEIGHT), (count, 2))


small = st.floats(-1, 1)


@settings(max_examples=40, deadline=None)
@given(
    corners=st.lists(st.tuples(small, small), min_size=4, max_size=4),
    wrong=st.integers(0, 150),
    seed=st.integers(0, 2**16),
)
def test_a_homography_is_recovered_from_exact_matches_among_wrong_ones(corners, wrong, seed):
    at = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    moved = at + 150 * np.array(corners, np.float32)
    model = cv2.getPerspectiveTransform(at, moved)
    source = points(100, seed)
    target = project(model, source)
    result = Homography(threshold=1)(with_wrong(source, target, wrong, seed))
    assert result["inlier"].values[:100].all()
    assert result["inlier"].values[100:].sum() <= 2
    np.testing.assert_allclose(project(result["model"].values, source), target, atol=0.05)
    assert result["model"].values[2, 2] == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(
    linear=st.lists(small, min_size=4, max_size=4),
    wrong=st.integers(0, 100),
    seed=st.integers(0, 2**16),
)
def test_an_affine_map_is_recovered(linear, wrong, seed):
    matrix = np.eye(2) + 0.4 * np.array(linear).reshape(2, 2)
    source = points(100, seed)
    target = source @ matrix.T + (30, -20)
    result = Affine(threshold=1)(with_wrong(source, target, wrong, seed))
    assert result["inlier"].values[:100].all()
    assert result["inlier"].values[100:].sum() <= 2
    expected = np.vstack([np.column_stack([matrix, (30, -20)]), [0, 0, 1]])
    np.testing.assert_allclose(project(result["model"].values, source), target, atol=0.05)
    np.testing.assert_allclose(result["model"].values[2], expected[2])


def two_views(count, seed):
    """A scene of any depth, seen by a camera that then moves and turns; with its true F."""
    generator = np.random.default_rng(seed)
    camera = np.array([[700.0, 0, WIDTH / 2], [0, 700, HEIGHT / 2], [0, 0, 1]])
    scene = generator.uniform((-2, -1.5, 4), (2, 1.5, 9), (count, 3))
    turn = cv2.Rodrigues(np.array([0.05, -0.15, 0.03]))[0]
    move = np.array([0.8, 0.1, 0.2])
    views = [camera @ at.T for at in (scene, scene @ turn.T + move)]
    source, target = ((view[:2] / view[2]).T for view in views)
    cross = np.array([[0, -move[2], move[1]], [move[2], 0, -move[0]], [-move[1], move[0], 0]])
    inverse = np.linalg.inv(camera)
    model = inverse.T @ cross @ turn @ inverse
    return source, target, model / np.linalg.norm(model)


@pytest.mark.parametrize("seed", range(5))
def test_an_epipolar_geometry_is_recovered(seed):
    source, target, truth = two_views(150, seed)
    result = Fundamental(threshold=1)(with_wrong(source, target, 60, seed))
    assert result["inlier"].values[:150].all()
    assert result["inlier"].values[150:].mean() < 0.1
    model = result["model"].values
    assert np.linalg.norm(model) == pytest.approx(1)
    assert min(abs(model - truth).max(), abs(model + truth).max()) < 1e-3


@pytest.mark.parametrize("size", [1 / 8, 1 / 2])
def test_an_epipolar_geometry_counts_in_pixels_of_the_target(size):
    matches = with_wrong(*two_views(150, 0)[:2], 300, 0)
    smaller = matches.assign({f"source_{axis}": size * matches[f"source_{axis}"] for axis in "xy"})
    sides = {"source_spacing": 8.0 * size, "target_spacing": 8.0}
    result = Fundamental()(smaller.assign_attrs(sides))
    alike = Fundamental(threshold=12)(matches)
    assert result["inlier"].equals(alike["inlier"])
    model = alike["model"].values / [size, size, 1]
    np.testing.assert_allclose(result["model"], model / np.linalg.norm(model), atol=1e-9)


@pytest.mark.parametrize("name", available())
def test_two_runs_are_equal_to_the_last_bit(name):
    matches = render_matches(200, 200)
    assert create(name)(matches).identical(create(name)(matches))


def test_another_seed_draws_other_samples():
    matches = list_matches(points(200, 0), points(200, 1))
    models = [Fundamental(seed=seed)(matches)["model"].values for seed in (0, 1, 0)]
    assert np.array_equal(models[0], models[2])
    assert not np.array_equal(models[0], models[1])


@pytest.mark.parametrize("verifier", [Homography(), Affine(), Fundamental()], ids=repr)
def test_what_has_no_model_says_why(verifier):
    line = np.outer(np.arange(20.0), (8, 8))
    generator = np.random.default_rng(0)
    scattered = generator.uniform(0, 500, (20, 2))
    for source, target in ((line, scattered), (scattered, line), (scattered, line * 0)):
        result = verifier(list_matches(source, target))
        assert not result["inlier"].any()
        assert "model" not in result
        says = "0 of 20 matches agree (they lie on a line or at one spot)"
        assert result.attrs["verification"] == says
    few = verifier(list_matches(scattered, scattered).isel(match=slice(verifier.least - 1)))
    assert not few["inlier"].any()
    count = verifier.least - 1
    says = f"0 of {count} matches agree (it takes at least {verifier.least})"
    assert few.attrs["verification"] == says


def test_a_model_that_only_matches_on_a_line_explain_is_none():
    """Sixteen right ones in a row of cells, and four elsewhere that agree with nothing."""
    row = np.column_stack([np.arange(16) * 8.0, np.full(16, 40.0)])
    generator = np.random.default_rng(0)
    source = np.concatenate([row, generator.uniform(100, 500, (4, 2))])
    target = np.concatenate([row + 8, generator.uniform(100, 500, (4, 2))])
    result = Affine(threshold=0.1)(list_matches(source, target))
    on_line = result["inlier"].values[:16].all() and not result["inlier"].values[16:].any()
    assert not on_line


def test_matches_beyond_the_horizon_are_no_inliers():
    model = np.array([[1.0, 0, 0], [0, 1, 0], [-1 / 400, 0, 1]])
    source = np.concatenate([points(80, 0) * (0.4, 1), points(20, 1) * (0.4, 1) + (440, 0)])
    result = Homography(threshold=2)(list_matches(source, project(model, source)))
    assert result["inlier"].values[:80].mean() > 0.9
    assert not result["inlier"].values[80:].any()


def test_how_near_is_near_comes_from_the_cells_of_the_target():
    source = points(100, 0)
    target = source + np.random.default_rng(1).uniform(-3, 13, (100, 2))
    matches = list_matches(source, target)
    coarse = matches.assign_attrs(target_spacing=16.0)
    assert Affine()(coarse)["inlier"].all()
    assert Affine()(coarse).attrs["verification"].endswith("within 24.0 pixels")
    assert Affine()(matches)["inlier"].sum() < 60
    assert Affine(threshold=24)(matches)["inlier"].all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 0},
        {"threshold": float("nan")},
        {"confidence": 1.0},
        {"iterations": 0},
        {"iterations": 2**31},
        {"seed": -1},
    ],
)
def test_settings_are_checked(wrong):
    (name,) = wrong
    with pytest.raises(OptionError, match=name):
        Homography(**wrong)
