import numpy as np
import pytest
import xarray as xr
from descr.applications import draw_layers, joint_pca, layer_pca
from descr.applications.pictures.painting import NEUTRAL
from descr.descriptors import SIFT, combine
from descr.descriptors.errors import (
    ImageError,
    IncomparableFeaturesError,
    InvalidFeaturesError,
    OptionError,
)
from support import trees as output
from support.pictures import photograph


def two_sources(seed: int, name: str = "a.png") -> xr.DataTree:
    random = np.random.default_rng(seed)
    return output.tree(
        output.layer(random.normal(size=(6, 2, 2)), source="deep_net", name="coarse", components=3),
        output.layer(random.normal(size=(5, 4, 4)), source="deep_net", name="fine", components=3),
        output.layer(random.normal(size=(7, 8, 8)), source="other", name="token"),
        name=name,
        seed=seed,
    )


@pytest.fixture
def pair() -> list[xr.DataTree]:
    return [two_sources(0), two_sources(1, "b.png")]


def test_each_layer_has_colours_of_each_image(pair: list[xr.DataTree]) -> None:
    colors = layer_pca(pair)
    assert list(colors) == ["deep_net/coarse", "deep_net/fine", "other/token"]
    assert [grids[0].shape for grids in colors.values()] == [(2, 2, 3), (4, 4, 3), (8, 8, 3)]
    for grids in colors.values():
        assert [grid.attrs["image_name"] for grid in grids] == ["a.png", "b.png"]
    fine = colors["deep_net/fine"][1].attrs
    assert (fine["rows"], fine["columns"], fine["channels"]) == (4, 4, 5)
    assert len(fine["explained_variance"]) == 3


def test_the_projection_of_a_layer_is_that_of_its_cells_alone(pair: list[xr.DataTree]) -> None:
    colors = layer_pca(pair)["other/token"]
    for tree, result in zip(pair, colors, strict=True):
        cells = tree["other/token"]["features"].values.reshape(7, -1)
        # One affine map takes the cells of both images to their colours, where they aren't clipped.
        inner = ((result.values > 0) & (result.values < 1)).reshape(-1, 3)
        design = np.vstack([cells, np.ones(cells.shape[1])]).T
        for channel in range(3):
            rows = inner[:, channel]
            _, residual, rank, _ = np.linalg.lstsq(
                design[rows], result.values.reshape(-1, 3)[rows, channel]
            )
            assert rank == 8
            assert residual[0] < 1e-8
    # The same map for both.
    swapped = layer_pca(pair[::-1])["other/token"]
    np.testing.assert_allclose(swapped[1].values, colors[0].values, atol=1e-4)


def test_a_tree_of_one_unit_layer_is_seen_as_its_map() -> None:
    features = np.random.default_rng(0).normal(size=(6, 5, 5)).astype(np.float32)
    tree = output.tree(output.layer(features / np.linalg.norm(features, axis=0)))
    (of_layer,) = layer_pca([tree])["net/token"]
    (of_map,) = joint_pca(combine([tree]))
    np.testing.assert_allclose(of_layer.values, of_map.values, atol=1e-4)


def test_the_picture_has_a_row_per_layer_and_a_column_per_image(pair: list[xr.DataTree]) -> None:
    images = [photograph(128, 128, seed=seed) for seed in range(2)]
    with_photographs = draw_layers(pair, images=images, width=1000)
    without = draw_layers(pair, width=1000)
    assert rows_of(without) == 3
    assert rows_of(with_photographs) == 4
    assert columns_of(without) == 2
    assert with_photographs.shape[0] <= 1300


def rows_of(picture: np.ndarray) -> int:
    return bands((picture[:, -20:] == 255).all(axis=(1, 2)))


def columns_of(picture: np.ndarray) -> int:
    return bands((picture[-10:, picture.shape[1] // 3 :] == 255).all(axis=(0, 2)))


def bands(white: np.ndarray) -> int:
    """How many runs of other colours the white ones leave."""
    shown = np.concatenate([[False], ~white])
    return int((shown[1:] & ~shown[:-1]).sum())


def test_the_labels_stand_to_the_left(pair: list[xr.DataTree]) -> None:
    picture = draw_layers(pair, width=1000)
    first_column = np.flatnonzero((picture < 200).any(axis=2).sum(axis=0) > 600)[0]
    beside = picture[:, : first_column - 4]
    dark = (beside < 120).any(axis=(1, 2))
    height = picture.shape[0]
    for row in range(3):
        assert dark[row * height // 3 : (row + 1) * height // 3].any()


def test_images_are_taken_with_a_descriptor() -> None:
    images = [photograph(60, 100), photograph(100, 60, seed=1)]
    picture = draw_layers(images, SIFT(size=96, step=8, scales=(1, 2)), width=1000)
    assert rows_of(picture) == 3
    assert columns_of(picture) == 2


def test_masks_cut_every_layer(pair: list[xr.DataTree]) -> None:
    mask = np.zeros((128, 128), bool)
    mask[:, 64:] = True
    colors = layer_pca(pair, masks=[mask, None])
    for mine, other in colors.values():
        half = mine.sizes["x"] // 2
        assert np.isnan(mine[:, :half]).all()
        assert np.isfinite(mine[:, half:]).all()
        assert np.isfinite(other).all()
    picture = draw_layers(pair[:1], masks=[mask], width=600)
    assert (picture == NEUTRAL).all(axis=-1).mean() > 0.2


def test_a_mask_between_the_cells_of_a_layer_is_refused(pair: list[xr.DataTree]) -> None:
    mask = np.zeros((128, 128), bool)
    mask[:8, :8] = True
    with pytest.raises(ImageError, match=r"mask of a\.png"):
        layer_pca(pair, masks=[mask, None])


def test_what_does_not_go_together_is_refused(pair: list[xr.DataTree]) -> None:
    with pytest.raises(IncomparableFeaturesError, match="layers"):
        layer_pca([pair[0], output.tree(output.layer(np.ones((2, 3, 3))))])
    with pytest.raises(IncomparableFeaturesError, match="together"):
        layer_pca([pair[0], photograph(20, 20)])
    with pytest.raises(InvalidFeaturesError):
        layer_pca([xr.DataTree()])
    with pytest.raises(OptionError, match="no image"):
        layer_pca([])
    with pytest.raises(OptionError, match="descriptor"):
        layer_pca([photograph(20, 20)])
    with pytest.raises(OptionError, match="components"):
        layer_pca(pair, components=(1,))
    with pytest.raises(OptionError, match="128 x 128"):
        draw_layers(pair, images=[photograph(128, 128), photograph(60, 80)])
