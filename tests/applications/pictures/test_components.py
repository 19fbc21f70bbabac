from itertools import permutations

import numpy as np
import pytest
from descr.applications import draw_pca, joint_pca
from descr.applications.pictures.painting import NEUTRAL
from descr.descriptors import SIFT
from descr.descriptors.errors import (
    ImageError,
    IncomparableFeaturesError,
    InvalidFeaturesError,
    OptionError,
)
from descr.descriptors.image.reading import ImageLike
from support.pictures import feature_map, photograph, random_map

FAST = SIFT(size=96, step=8)


def test_colours_are_labelled_and_within_range() -> None:
    maps = [random_map(5, 6), random_map(4, 7, seed=1, height=40, width=70, name="b.png")]
    a, b = joint_pca(maps)
    assert a.dims == b.dims == ("y", "x", "rgb")
    assert a.shape == (5, 6, 3)
    assert b.shape == (4, 7, 3)
    assert a.dtype == np.float32
    assert a["rgb"].values.tolist() == ["red", "green", "blue"]
    assert a["component"].values.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(b["x"], maps[1]["x"])
    assert b.attrs["image_name"] == "b.png"
    for colors in (a, b):
        assert colors.min() >= 0
        assert colors.max() <= 1
    pooled = np.concatenate([a.values.reshape(-1, 3), b.values.reshape(-1, 3)])
    np.testing.assert_array_equal(pooled.min(axis=0), 0)
    np.testing.assert_array_equal(pooled.max(axis=0), 1)


def test_colours_do_not_depend_on_the_order_of_the_images() -> None:
    maps = [random_map(5, 6, seed=seed, channels=12) for seed in range(3)]
    first = joint_pca(maps)
    for order in permutations(range(3)):
        again = joint_pca([maps[place] for place in order])
        for place, colors in zip(order, again, strict=True):
            np.testing.assert_allclose(colors, first[place], atol=1e-4)


def test_equal_cells_have_equal_colours_in_all_images() -> None:
    cells = np.random.default_rng(0).normal(size=(6, 4, 4))
    a = feature_map(cells)
    b = feature_map(cells[:, ::-1, ::-1], name="b.png")
    first, second = joint_pca([a, b])
    np.testing.assert_allclose(first.values, second.values[::-1, ::-1], atol=1e-5)


def test_components_are_those_of_an_independent_decomposition() -> None:
    fmap = random_map(8, 9, channels=5)
    cells = fmap.values.reshape(5, -1).astype(float)
    centred = cells - cells.mean(axis=1, keepdims=True)
    axes, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    (colors,) = joint_pca([fmap], components=(2, 1, 4))
    shares = lengths**2 / (lengths**2).sum()
    assert colors.attrs["explained_variance"] == pytest.approx(shares[[1, 0, 3]], rel=1e-4)
    for channel, number in enumerate((1, 0, 3)):
        values = axes[:, number] @ centred
        result = colors.values[..., channel].ravel()
        inner = (result > 0) & (result < 1)
        assert abs(np.corrcoef(values[inner], result[inner])[0, 1]) == pytest.approx(1, abs=1e-5)


def test_few_extreme_cells_do_not_set_the_scale() -> None:
    cells = np.random.default_rng(0).normal(size=(3, 20, 20)) * 0.05 + np.array(
        [1.0, 0, 0]
    ).reshape(3, 1, 1)
    cells[:, 0, 0] = (-1, 30, 0)
    (colors,) = joint_pca([feature_map(cells)])
    assert colors.values[..., 0].std() > 0.15


def test_only_cells_in_the_mask_count_and_are_coloured() -> None:
    fmap = random_map(6, 8)
    mask = np.zeros((60, 80), bool)
    mask[10:40, 20:70] = True
    (inside,) = joint_pca([fmap], masks=[mask])
    has = np.isfinite(inside.values).all(axis=-1)
    assert has.sum() == 3 * 5
    assert has[1:4, 2:7].all()
    alone = feature_map(fmap.values[:, 1:4, 2:7])
    (expected,) = joint_pca([alone])
    np.testing.assert_allclose(inside.values[1:4, 2:7], expected.values, atol=1e-5)


def test_features_that_do_not_vary_are_of_the_middle_colour() -> None:
    (colors,) = joint_pca([feature_map(np.ones((4, 3, 3)))])
    np.testing.assert_array_equal(colors, 0.5)
    (colors,) = joint_pca([random_map(3, 3, channels=2)])
    np.testing.assert_array_equal(colors[..., 2], 0.5)
    assert colors.attrs["explained_variance"][2] == 0


def test_the_picture_holds_the_colours_under_the_photographs() -> None:
    maps = [random_map(6, 8), random_map(6, 8, seed=1)]
    images = [np.full((60, 80, 3), grey, np.uint8) for grey in (40, 200)]
    picture = draw_pca(maps, images=images, width=1000)
    height, width, channels = picture.shape
    assert channels == 3
    assert width == pytest.approx(1000, abs=2)
    assert height == pytest.approx(1000 * 2 * 60 / 160, rel=0.02)
    assert (picture[height // 4, width // 4] == 40).all()
    assert (picture[height // 4, 3 * width // 4] == 200).all()
    colors = joint_pca(maps)
    # In the middle of the first cell of the second image.
    wide = width // 2
    left, top = width - wide + wide // 16, height // 2 + wide * 60 // 80 // 12
    np.testing.assert_allclose(picture[top, left] / 255, colors[1].values[0, 0], atol=0.003)


def test_without_photographs_the_colours_stand_alone() -> None:
    maps = [random_map(6, 8), random_map(6, 8, seed=1)]
    picture = draw_pca(maps, width=1000)
    assert picture.shape[0] == pytest.approx(1000 * 60 / 160, rel=0.02)
    single = draw_pca(maps[:1], images=[photograph(60, 80)], width=800)
    assert single.shape[0] == pytest.approx(800 * 60 / 160, rel=0.02)


def test_images_of_all_shapes_can_be_seen_together() -> None:
    sizes = [(60, 90), (90, 60), (40, 120), (120, 40), (64, 64)] * 2
    images: list[ImageLike] = [photograph(*size, seed=place) for place, size in enumerate(sizes)]
    picture = draw_pca(images, FAST, width=1000)
    assert picture.shape[1] == pytest.approx(1000, abs=6)
    assert 400 < picture.shape[0] < 1600


def test_outside_the_mask_the_picture_is_neutral() -> None:
    mask = np.zeros((60, 80), bool)
    mask[:, 40:] = True
    picture = draw_pca([random_map(6, 8)], masks=[mask], width=400)
    assert (picture[:, :195] == NEUTRAL).all()
    assert (picture[:, 205:] != NEUTRAL).any(axis=-1).mean() > 0.99


def test_what_does_not_go_together_is_refused() -> None:
    a = random_map(4, 4)
    with pytest.raises(IncomparableFeaturesError):
        joint_pca([a, random_map(4, 4, basis="other")])
    with pytest.raises(IncomparableFeaturesError):
        joint_pca([a, photograph(60, 80)])
    with pytest.raises(InvalidFeaturesError):
        joint_pca([a.rename(y="row")])
    with pytest.raises(OptionError, match="no image"):
        joint_pca([])
    with pytest.raises(OptionError, match="descriptor"):
        joint_pca([photograph(60, 80)])
    for components in ((1, 2), (0, 1, 2), "123", (1, 2, 3.5)):
        with pytest.raises(OptionError, match="components"):
            joint_pca([a], components=components)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="width"):
        draw_pca([a], width=10)


def test_masks_and_photographs_must_be_those_of_the_maps() -> None:
    a = random_map(4, 4)
    with pytest.raises(ImageError, match=r"mask of a\.png leaves no cell|mask of a\.png"):
        joint_pca([a], masks=[np.zeros((60, 80), bool)])
    with pytest.raises(ImageError, match="80 x 60"):
        joint_pca([a], masks=[np.ones((80, 60), bool)])
    with pytest.raises(OptionError, match="2 masks for 1"):
        joint_pca([a], masks=[None, None])
    with pytest.raises(OptionError, match=r"a\.png"):
        draw_pca([a], images=[photograph(80, 60)])
    with pytest.raises(OptionError, match="images has 2"):
        draw_pca([a], images=[photograph(60, 80)] * 2)
