import numpy as np
import pytest
from descr.descriptors import SIFT, Descriptor, Fused, combine
from descr.descriptors.errors import InvalidFeaturesError, OptionError
from descr.descriptors.features.tree import tree_layers
from descr.descriptors.testing import check_descriptor, render_picture

FINE, COARSE = SIFT(size=128, step=8), SIFT(size=128, step=16, cell=12)


def test_a_fusion_keeps_every_promise_of_a_descriptor():
    check_descriptor(Fused(FINE, COARSE))


def test_the_cosine_is_the_mean_of_the_parts_cosines_weighted_by_squares():
    pictures = [render_picture(96, 128), render_picture(96, 128, seed=1)]
    same_grid = SIFT(size=128, step=8, cell=16)

    def cosines(descriptor):
        a, b = (fmap.values.reshape(fmap.sizes["channel"], -1) for fmap in descriptor(*pictures))
        return a.T @ b

    expected = (9 * cosines(FINE) + cosines(same_grid)) / 10
    assert np.allclose(cosines(Fused(FINE, same_grid, weights=(3, 1))), expected, atol=1e-5)


def test_parts_of_one_source_are_numbered_and_keep_their_grids():
    tree = Fused(FINE, COARSE, SIFT(size=128, step=32)).extract([render_picture(96, 128)])[0]
    layers = tree_layers(tree)
    assert list(layers) == ["sift/scale_1", "sift_2/scale_1", "sift_3/scale_1"]
    assert [layer.attrs["source"] for layer in layers.values()] == ["sift", "sift_2", "sift_3"]
    assert [layer.sizes["x"] for layer in layers.values()] == [16, 8, 4]
    assert [layer.attrs["weight"] for layer in layers.values()] == [1 / 3] * 3
    (fmap,) = combine([tree])
    assert (fmap.sizes["y"], fmap.sizes["x"]) == (12, 16)


def test_fusions_nest():
    nested = Fused(Fused(FINE, COARSE, weights=(1, 3)), SIFT(size=128, step=32), weights=(2, 1))
    layers = tree_layers(nested.extract([render_picture(96, 128)])[0])
    assert [layer.attrs["weight"] for layer in layers.values()] == [2.0, 6.0, 1.0]


def test_numbered_sources_of_a_part_stay_apart():
    # The second part has a source sift_2 of its own.
    twice = Fused(FINE, COARSE)
    layers = tree_layers(Fused(FINE, twice).extract([render_picture(96, 128)])[0])
    assert list(layers) == ["sift/scale_1", "sift_2/scale_1", "sift_2_2/scale_1"]
    assert [layer.sizes["x"] for layer in layers.values()] == [16, 16, 8]


class Shuffling(Descriptor):
    """A descriptor that mixes up its images, in one of several ways."""

    def __init__(self, *, way="late"):
        self.way = way
        self.last = SIFT(size=64).extract([render_picture(96, 128, seed=2)])

    def extract(self, images):
        trees = SIFT(size=64).extract(images)
        late, self.last = self.last, trees
        trees[-1].attrs["image_width"] += self.way == "wider"
        blank = [tree.copy().filter(lambda node: not node.data_vars) for tree in trees]
        inputs = {"late": late, "fewer": trees[:-1], "none": None, "blank": blank}
        return inputs.get(self.way, trees)


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (
            "late",
            r"features of array by SIFT\(.*\) and by Shuffling\(way='late'\) are of diff",
        ),
        ("wider", r"and by Shuffling\(way='wider'\) are of different images"),
        ("fewer", r"Shuffling\(way='fewer'\) gave 0 feature trees for 1 image"),
        ("none", r"Shuffling\(way='none'\) gave 0 feature trees for 1 image"),
        ("blank", "the feature tree of array holds no layer"),
    ],
)
def test_parts_must_describe_the_same_images(way, message):
    pictures = [render_picture(96, 128), render_picture(96, 128, seed=1)]
    with pytest.raises(InvalidFeaturesError, match=message):
        Fused(FINE, Shuffling(way=way)).extract(pictures)


class Opaque(Descriptor):
    """A descriptor that cannot tell what it will give."""

    def extract(self, images):
        return FINE.extract(images)


def test_the_recipe_is_known_where_that_of_every_part_is():
    assert Opaque().recipe is None
    assert Fused(FINE, Opaque()).recipe is None
    assert list(Fused(FINE, COARSE).recipe) == ["sift/scale_1", "sift_2/scale_1"]


def test_repr_shows_the_parts_and_the_weights():
    text = repr(Fused(FINE, COARSE, weights=(1, 2)))
    assert text == f"Fused({FINE!r}, {COARSE!r}, weights=(1.0, 2.0))"


@pytest.mark.parametrize(
    ("parts", "weights", "message"),
    [
        ((FINE,), None, "two or more descriptors, not 1"),
        ((FINE, "sift"), None, "takes descriptors, not a str"),
        ((FINE, COARSE), (1,), "weights must be 2 numbers"),
        ((FINE, COARSE), (1, -1), "weights must be a finite number of at least 0"),
        ((FINE, COARSE), (0, 0), "every weight is 0"),
    ],
)
def test_bad_parts_and_weights_are_named(parts, weights, message):
    with pytest.raises(OptionError, match=message):
        Fused(*parts, weights=weights)
