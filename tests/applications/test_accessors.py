import numpy as np
import pytest
from descr.applications import draw_layers, draw_matches, draw_pca, point_similarity
from descr.descriptors import combine, load_features, sample_features
from descr.descriptors.errors import IncomparableFeaturesError, OptionError, PointError
from descr.descriptors.features.tensors import FeatureMap, Features
from descr.descriptors.store import load_map
from descr.matchers import MutualNearestNeighbor, NearestNeighbor, to_matches
from descr.matchers.testing import render_map
from support.trees import layer, tree

A, B = render_map(6, 8, seed=1), render_map(5, 7, seed=2)
POINTS = [(3.0, 4.0), (20.5, 11.0), (7.0, 7.0)]


def trees():
    rng = np.random.default_rng(0)
    return [tree(layer(rng.standard_normal((12, 6, 8)), components=4), name=name) for name in "ab"]


def test_the_similarity_of_a_point_is_a_map_of_cosines():
    one = A.descr.similarity(POINTS[1])
    assert one.identical(point_similarity([A], [POINTS[1]])[0].isel(point=0))
    assert one.dims == ("y", "x")
    assert float(A.descr.similarity((3.5, 3.5)).max()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("points", [POINTS, POINTS[:2], np.array(POINTS), POINTS[:1]])
def test_the_similarities_of_points_lie_along_point(points):
    several = A.descr.similarity(points)
    assert several.dims == ("point", "y", "x")
    assert several.identical(point_similarity([A], points)[0])


def test_the_similarity_to_another_map_is_over_its_cells():
    other = A.descr.similarity((3, 4), B)
    assert other.identical(point_similarity([A, B], [(3, 4)])[1].isel(point=0))
    assert A.descr.similarity(np.array([3.0, 4.0]), FeatureMap.from_xarray(B)).equals(other)


def test_a_point_outside_or_none_is_refused():
    for points in ((99.0, 4.0), (1.0, 2.0, 3.0), []):
        with pytest.raises(PointError):
            A.descr.similarity(points)


def test_features_at_points():
    for interpolation in ("bilinear", "nearest"):
        assert A.descr.at(POINTS, interpolation=interpolation).identical(
            sample_features(A, POINTS, interpolation=interpolation)
        )


def test_maps_are_matched_by_a_matcher_or_its_name():
    assert A.descr.match(B).identical(MutualNearestNeighbor()(A, B))
    matcher = NearestNeighbor(margin=1)
    expected = matcher(A, B, points=POINTS)
    assert A.descr.match(B, matcher, points=POINTS).identical(expected)
    assert A.descr.match(FeatureMap.from_xarray(B), "nearest").equals(NearestNeighbor()(A, B))
    with pytest.raises(OptionError, match="mutaul"):
        A.descr.match(B, "mutaul")
    with pytest.raises(IncomparableFeaturesError):
        A.descr.match(B.assign_attrs(basis="another"))


def test_correspondences_become_a_list():
    correspondences = A.descr.match(B, "nearest")
    assert correspondences.descr.to_matches().identical(to_matches(correspondences))
    with pytest.raises(OptionError, match="correspondences lack"):
        B.to_dataset(name="features").descr.to_matches()


def test_a_tree_is_combined_with_others():
    a, b = trees()
    expected = combine([a, b])
    for maps in (a.descr.combine_with(b), a.descr.combine_with(Features.from_tree(b))):
        assert all(one.identical(other) for one, other in zip(maps, expected, strict=True))
    (alone,) = a.descr.combine_with(components={"net/token": 2})
    assert alone.sizes["channel"] == 2


def test_what_an_accessor_saves_is_loaded(tmp_path):
    a, _ = trees()
    a.descr.save(tmp_path / "a.nc", lossless=True)
    assert load_features(tmp_path / "a.nc").equals(a)
    lowest = A.descr.save(tmp_path / "map.nc")
    assert 0.9 < lowest < 1
    assert load_map(tmp_path / "map.nc").attrs == A.attrs
    correspondences = A.descr.match(B)
    correspondences.descr.save(tmp_path / "matches.csv")
    lines = (tmp_path / "matches.csv").read_text().splitlines()
    assert len(lines) == 1 + int(correspondences["matched"].sum())


def test_what_an_accessor_draws_is_what_its_function_draws():
    a, _ = trees()
    photograph = np.full((128, 128, 3), 90, np.uint8)
    np.testing.assert_array_equal(
        a.descr.draw(photograph, width=300), draw_layers([a], images=[photograph], width=300)
    )
    np.testing.assert_array_equal(A.descr.draw(width=300), draw_pca([A], width=300))
    images = [
        np.full((one.attrs["image_height"], one.attrs["image_width"], 3), 90, np.uint8)
        for one in (A, B)
    ]
    correspondences = A.descr.match(B)
    expected = draw_matches(*images, to_matches(correspondences), width=300)
    for matches in (correspondences, to_matches(correspondences)):
        np.testing.assert_array_equal(matches.descr.draw(*images, width=300), expected)
