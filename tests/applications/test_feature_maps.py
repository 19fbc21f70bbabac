import numpy as np
import pytest
import xarray as xr
from descr.applications import dense_flow, layer_pca
from descr.applications.feature_maps import feature_maps, feature_trees
from descr.descriptors import SIFT
from descr.descriptors.errors import IncomparableFeaturesError, OptionError
from descr.descriptors.features.tensors import FeatureMap, Features
from descr.matchers.testing import render_map

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)


def test_maps_as_tensors_give_what_labelled_ones_give() -> None:
    maps = render_map(3, 5), render_map(4, 4, seed=1)
    tensors = [FeatureMap.from_xarray(one) for one in maps]
    xr.testing.assert_equal(dense_flow(*tensors), dense_flow(*maps))
    xr.testing.assert_equal(dense_flow(maps[0], tensors[1]), dense_flow(*maps))


def test_trees_as_tensors_give_what_labelled_ones_give() -> None:
    trees = SIFT().extract([IMAGE, IMAGE[::-1]])
    tensors = [Features.from_tree(tree) for tree in trees]
    for path, colors in layer_pca(tensors).items():
        for one, other in zip(colors, layer_pca(trees)[path], strict=True):
            xr.testing.assert_equal(one, other)


def test_images_need_a_descriptor_and_no_features_beside_them() -> None:
    fmap, tree = render_map(3, 5), SIFT().extract([IMAGE])[0]
    for gather, features in (
        (feature_maps, [fmap, FeatureMap.from_xarray(fmap)]),
        (feature_trees, [tree, Features.from_tree(tree)]),
    ):
        with pytest.raises(OptionError, match="images need a descriptor"):
            gather([IMAGE])
        for one in features:
            with pytest.raises(IncomparableFeaturesError):
                gather([one, IMAGE], SIFT())


def test_one_path_is_no_list_of_images() -> None:
    with pytest.raises(OptionError, match="a list of images is needed"):
        feature_maps("cat.jpg", SIFT())
