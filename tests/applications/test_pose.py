import numpy as np
import pytest
from descr.applications.pose import (
    align_cells,
    align_pose,
    mean_distance,
    mirror_image,
    mirror_points,
    points_in_mirror,
)
from descr.descriptors import SIFT, read_image
from descr.descriptors.errors import IncomparableFeaturesError, InvalidFeaturesError, OptionError
from descr.descriptors.features.tensors import FeatureMap
from descr.matchers import Cells, NearestNeighbor
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st

NAN = np.nan


@pytest.fixture(scope="module")
def cat(chelsea):
    """A cat, the same cat brighter and cut a little, and its mirror image."""
    return chelsea, np.clip(chelsea[8:, 12:].astype(float) * 1.1 + 6, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def maps(cat):
    source, target = cat
    names = ("source", "mirror", "target", "mirrored_target")
    pictures = (source, mirror_image(source), target, mirror_image(target))
    return dict(zip(names, SIFT(size=240)(*pictures), strict=True))


def test_a_mirrored_pair_picks_the_mirror_image(maps):
    result = align_pose(maps["source"], maps["mirror"], maps["mirrored_target"])
    assert result.mirrored
    assert result.mirrored_distance < 0.8 * result.distance


def test_an_upright_pair_keeps_the_source(maps):
    result = align_pose(maps["source"], maps["mirror"], maps["target"])
    assert not result.mirrored
    assert result.distance < 0.8 * result.mirrored_distance


def test_the_distance_is_the_mean_over_mutual_neighbours():
    source, mirror, target = (render_map(4, 5, seed=seed) for seed in range(3))
    result = align_pose(source, mirror, target)
    for fmap, distance in ((source, result.distance), (mirror, result.mirrored_distance)):
        a, b = (one.values.reshape(12, -1).astype(float) for one in (fmap, target))
        apart = np.linalg.norm(a[:, :, None] - b[:, None], axis=0)
        there, back = apart.argmin(axis=1), apart.argmin(axis=0)
        mutual = back[there] == np.arange(20)
        assert distance == pytest.approx(apart.min(axis=1)[mutual].mean(), abs=1e-6)
    assert result.mirrored == (result.mirrored_distance < result.distance)


def test_cells_give_what_their_maps_give():
    source, mirror, target = (render_map(4, 5, seed=seed) for seed in range(3))
    cells = [Cells.of(FeatureMap.from_xarray(one)) for one in (source, mirror, target)]
    assert align_cells(*cells) == align_pose(source, mirror, target)
    every = align_cells(*cells, NearestNeighbor())
    assert every == align_pose(source, mirror, target, matcher=NearestNeighbor())
    assert every.distance > align_cells(*cells).distance


def test_the_mask_of_the_source_is_mirrored_with_it():
    """The left half of the source looks like the target, and lies right in the mirror image."""
    target = render_map(3, 4, seed=0)
    source = render_map(3, 4, seed=1)
    source.values[:, :, :2] = target.values[:, :, :2]
    mirror = render_map(3, 4, seed=2)
    mirror.values[:, :, 3] = target.values[:, :, 0]
    mirror.values[:, :, 2] = target.values[:, :, 1]
    mask = np.zeros((24, 32), bool)
    mask[:, :16] = True
    result = align_pose(source, mirror, target, source_mask=mask)
    assert result.distance == pytest.approx(0, abs=1e-3)
    assert result.mirrored_distance == pytest.approx(0, abs=1e-3)
    other = align_pose(source, mirror, target, source_mask=~mask)
    assert min(other.distance, other.mirrored_distance) > 0.1


def test_equal_distances_keep_the_source():
    fmap = render_map(3, 4)
    assert not align_pose(fmap, fmap, fmap).mirrored


def test_without_neighbours_the_distance_is_infinite():
    assert mean_distance([]) == np.inf
    assert mean_distance([1, 1.00001, -1, 0.5]) == pytest.approx((0 + 0 + 2 + 1) / 4)


def test_an_image_is_mirrored_with_its_points(chelsea):
    turned = mirror_image(chelsea)
    assert turned.pixels.shape == chelsea.shape
    assert turned.name == read_image(chelsea).name
    points = np.array([[0, 0], [450, 299], [123, 45]])
    for (x, y), (mirrored_x, mirrored_y) in zip(
        points, mirror_points(points, 451).astype(int), strict=True
    ):
        assert np.array_equal(turned.pixels[mirrored_y, mirrored_x], chelsea[y, x])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 900), st.integers(0, 12), st.integers(0, 100))
def test_mirroring_twice_is_nothing(width, count, seed):
    random = np.random.default_rng(seed)
    points = random.uniform(-0.5, width - 0.5, (count, 2))
    back = mirror_points(mirror_points(points, width), width)
    assert np.allclose(back, points, rtol=0, atol=1e-9)
    order = np.arange(count)
    half = count // 2
    order[:half], order[half : 2 * half] = order[half : 2 * half].copy(), order[:half].copy()
    again = points_in_mirror(points_in_mirror(points, width, order), width, order)
    assert np.allclose(again, points, rtol=0, atol=1e-9)


def test_left_stays_left():
    """Left ear, right ear, nose, and a left paw whose counterpart is hidden."""
    points = [[10, 5], [30, 6], [20, 20], [12, 40], [NAN, NAN]]
    result = points_in_mirror(points, 101, (1, 0, 2, 4, 3))
    expected = [[70, 6], [90, 5], [80, 20], [NAN, NAN], [NAN, NAN]]
    assert np.array_equal(result, expected, equal_nan=True)


def test_without_groups_mirrored_parts_must_be_accepted():
    points = [[10.0, 5.0]]
    with pytest.raises(OptionError, match="left and right") as error:
        points_in_mirror(points, 101, None)
    assert "accept mirrored parts" in error.value.hint
    assert points_in_mirror(points, 101, None, accept_mirrored_parts=True).tolist() == [[90, 5]]


@pytest.mark.parametrize("counterparts", [(0,), (1, 1), (2, 0), (-1, 0), (0.0, 1.0), ("a", "b")])
def test_groups_that_are_none_are_refused(counterparts):
    with pytest.raises(OptionError, match="counterparts must be"):
        points_in_mirror([[1, 2], [3, 4]], 10, counterparts)


@pytest.mark.parametrize(
    ("mirror", "target", "error"),
    [
        (render_map(3, 5), render_map(3, 4), IncomparableFeaturesError),
        (render_map(3, 4, basis="other"), render_map(3, 4), IncomparableFeaturesError),
        (render_map(3, 4), render_map(3, 4, basis="other"), IncomparableFeaturesError),
        (render_map(3, 4), render_map(3, 4).isel(channel=0), InvalidFeaturesError),
    ],
)
def test_maps_that_do_not_fit_are_refused(mirror, target, error):
    with pytest.raises(error):
        align_pose(render_map(3, 4), mirror, target)
