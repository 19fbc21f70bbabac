import numpy as np
import pytest
from descr.descriptors import combine
from descr.descriptors.errors import (
    IncomparableFeaturesError,
    InvalidFeaturesError,
    PointError,
)
from descr.descriptors.features.maps import check_comparable, check_map, check_points
from support.trees import layer, tree

GRID = np.random.default_rng(0).standard_normal((4, 3, 5))


def maps(**arguments):
    trees = [tree(layer(GRID, **arguments)), tree(layer(GRID + 1, **arguments), name="b.png")]
    return combine(trees)


def test_maps_of_one_combine_are_comparable():
    a, b = maps(components=2)
    check_map(a)
    check_comparable(a, b)


def test_maps_reduced_apart_are_not():
    a = combine([tree(layer(GRID, components=2))])[0]
    b = combine([tree(layer(GRID + 1, components=2), name="b.png")])[0]
    with pytest.raises(IncomparableFeaturesError, match=r"a\.png and b\.png have diff.*one"):
        check_comparable(a, b)


def test_maps_of_one_recipe_without_pca_are_comparable_wherever_combined():
    check_comparable(combine([tree(layer(GRID))])[0], combine([tree(layer(GRID + 1))])[0])


def test_channels_must_agree_even_where_the_basis_does():
    a, b = maps()
    with pytest.raises(IncomparableFeaturesError):
        check_comparable(a, b.isel(channel=slice(2)))


def test_parts_of_maps_are_comparable_with_the_same_parts():
    other = {"source": "other", "name": "key"}
    trees = [tree(layer(GRID + seed), layer(GRID - seed, **other)) for seed in range(2)]
    a, b = combine(trees)
    net, others = (fmap.source.values == "net" for fmap in (a, b))
    check_comparable(a[net], b[net])
    with pytest.raises(IncomparableFeaturesError, match="different channels"):
        check_comparable(a[net], b[~others])


def test_broken_maps_are_named():
    a, _ = maps()
    with pytest.raises(InvalidFeaturesError, match=r"source is a ndarray.*combine\(trees\)"):
        check_map(a.values, "source")
    with pytest.raises(InvalidFeaturesError, match="source has the dimensions"):
        check_map(a.transpose("y", "x", "channel"), "source")
    with pytest.raises(InvalidFeaturesError, match="no attribute 'image_name'"):
        check_map(a.drop_attrs())
    with pytest.raises(InvalidFeaturesError, match="NaN or infinite"):
        check_map(a.where(a.x > 30).astype(np.float32))


def test_points_are_checked_against_the_image():
    a, _ = maps()
    assert check_points(iter([(1, 2.5)]), a).tolist() == [[1.0, 2.5]]
    with pytest.raises(PointError, match=r"\(127\.6, 3\) lies outside a\.png.*top-left"):
        check_points([(127.6, 3)], a)
