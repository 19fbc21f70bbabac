import itertools

import numpy as np
import pytest
import torch
import xarray as xr
from descr.descriptors import combine
from descr.descriptors.errors import (
    IncomparableFeaturesError,
    InvalidFeaturesError,
    OptionError,
    OutOfMemoryError,
)
from descr.descriptors.features.tree import tree_layers
from descr.descriptors.runtime import memory
from descr.matchers import NearestNeighbor
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reference import reference
from support.trees import layer, tree
from torch.nn import functional

SD = {"decoder_2": 6, "decoder_5": 10, "decoder_8": 8}


def paper_trees() -> list[xr.DataTree]:
    """Stable Diffusion and DINOv2 trees of the two reference images."""
    return [
        tree(
            *(
                layer(
                    reference(f"decoder_block{name[8:]}_t100")[index],
                    "stable_diffusion",
                    name,
                    components=components,
                    weight=0.5,
                )
                for name, components in SD.items()
            ),
            layer(reference("dinov2_token")[index], "dinov2", "token", weight=0.5),
            name=f"{'ab'[index]}.png",
        )
        for index in range(2)
    ]


def cells(fmap: xr.DataArray) -> np.ndarray:
    return fmap.values.reshape(fmap.sizes["channel"], -1).T.astype(np.float64)


def test_fused_distances_equal_those_of_the_original():
    a, b = map(cells, combine(paper_trees()))
    # Maps are divided by sqrt(0.5^2 + 0.5^2); the original's are not.
    distance = np.linalg.norm(a[:, None] - b[None], axis=2) * np.sqrt(0.5)
    assert np.abs(distance - reference("fused_distance")).max() < 1e-4


@pytest.mark.parametrize("forward", [True, False])
def test_fused_nearest_neighbours_equal_those_of_the_original(forward):
    a, b = map(cells, combine(paper_trees()))
    distance = reference("fused_distance") if forward else reference("fused_distance").T
    nearest = ((a @ b.T) if forward else (b @ a.T)).argmax(axis=1)
    expected = reference("fused_nn_ab" if forward else "fused_nn_ba")
    rows = np.arange(64)
    assert (np.abs(distance[rows, nearest] - distance[rows, expected]) < 1e-5).all()
    assert (nearest == expected).mean() > 0.95


def test_maps_are_labelled():
    a, b = combine(paper_trees())
    assert a.dims == ("channel", "y", "x")
    assert a.dtype == np.float32
    assert list(dict.fromkeys(a.layer.values)) == ["decoder_8", "decoder_5", "decoder_2", "token"]
    assert a.sel(channel=a.source == "dinov2").sizes["channel"] == 24
    assert a.sel(channel=a.layer == "decoder_5").sizes["channel"] == 10
    assert np.allclose(a.y, (np.arange(8) + 0.5) * 16 - 0.5)
    assert (a.attrs["image_name"], b.attrs["image_name"]) == ("a.png", "b.png")
    assert a.attrs["basis"] == b.attrs["basis"]


def test_every_cell_and_every_weighted_source_has_the_length_it_should():
    for fmap in combine(paper_trees(), weights={"stable_diffusion": 3, "dinov2": 4}):
        assert np.allclose(np.linalg.norm(fmap, axis=0), 1, atol=1e-6)
        for source, length in (("stable_diffusion", 0.6), ("dinov2", 0.8)):
            part = fmap.values[fmap.source.values == source]
            assert np.allclose(np.linalg.norm(part, axis=0), length, atol=1e-6)


def test_a_source_of_weight_0_is_left_out():
    (only, _) = combine(paper_trees(), weights={"stable_diffusion": 0})
    assert set(only.source.values) == {"dinov2"}
    token = reference("dinov2_token")[0]
    assert np.allclose(only, token / np.linalg.norm(token, axis=0), atol=1e-6)


def test_components_can_be_overridden_by_layer_or_path():
    whole = combine(paper_trees(), components=dict.fromkeys(SD))
    assert whole[0].sizes["channel"] == 32 + 32 + 16 + 24
    less = combine(paper_trees(), components={"stable_diffusion/decoder_2": 2, "decoder_5": 3})
    assert (less[0].layer == "decoder_2").sum() == 2
    assert (less[0].layer == "decoder_5").sum() == 3


def test_joint_components_do_not_depend_on_the_order_of_the_images():
    # The distances between cells are the same whichever image comes first.
    a, b = map(cells, combine(paper_trees()))
    b2, a2 = map(cells, combine(paper_trees()[::-1]))
    assert np.allclose(a @ b.T, a2 @ b2.T, atol=1e-5)


def test_the_basis_tells_what_is_comparable():
    def basis(trees, **options):
        return combine(trees, **options)[0].attrs["basis"]

    with_pca, without = paper_trees(), dict.fromkeys(SD)
    assert basis(with_pca) == basis(paper_trees())
    assert basis(with_pca[:1]) != basis(with_pca[1:]) != basis(with_pca)
    assert basis(with_pca[:1], components=without) == basis(with_pca[1:], components=without)
    assert basis(with_pca) != basis(with_pca, weights={"dinov2": 0.4})
    assert basis(with_pca) != basis(with_pca, components=without)


def test_layers_without_pca_and_their_grids_follow_coordinates():
    # A feature that is linear in x and y is read off exactly where it is interpolated.
    def plane(count: int) -> np.ndarray:
        centres = (np.arange(count) + 0.5) * 128 / count - 0.5
        y, x = np.meshgrid(centres, centres, indexing="ij")
        return np.stack([x, y, np.full_like(x, 50.0)])

    (fmap,) = combine([tree(layer(plane(4), name="coarse"), layer(plane(16), name="fine"))])
    assert list(dict.fromkeys(fmap.layer.values)) == ["fine", "coarse"]
    fine, coarse = fmap.values[:3], fmap.values[3:]
    inner = slice(2, 14)  # beyond the outermost coarse centres the edge is held
    assert np.allclose(fine[:, inner, inner], coarse[:, inner, inner], atol=1e-6)
    held = coarse[1] / coarse[2] * 50  # y, freed of the scale of its cell
    assert np.allclose(held[:2], 15.5, atol=1e-4)
    assert np.allclose(held[-2:], 111.5, atol=1e-4)


PYRAMID = {"decoder_8": (6, 60, 60), "decoder_5": (5, 30, 30), "decoder_2": (4, 15, 15)}


def pyramid(*, seed: int = 0, components: int | None = None, **resampling: str) -> xr.DataTree:
    """Layers on the grids of Stable Diffusion at 960 pixels; `resampling` by layer."""
    generator = np.random.default_rng(seed)
    return tree(
        *(
            layer(
                generator.standard_normal(shape),
                name=name,
                components=components,
                resampling=resampling.get(name, "cascade"),
            )
            for name, shape in PYRAMID.items()
        )
    )


def torch_pyramid(*, direct: bool) -> np.ndarray:
    """What torch's `interpolate` makes of it, through 30 x 30 cells or in one step."""
    joined = []
    for features in (torch.from_numpy(one["features"].values) for one in layers_of(pyramid())):
        steps = [60] if direct else [side for side in (30, 60) if side > features.shape[1]]
        for side in steps:
            features = functional.interpolate(
                features[None], (side, side), mode="bilinear", align_corners=False
            )[0]
        joined.append(features)
    return functional.normalize(torch.cat(joined), dim=0).numpy()


def layers_of(features: xr.DataTree) -> list[xr.Dataset]:
    return list(tree_layers(features).values())


ALL_DIRECT = dict.fromkeys(PYRAMID, "direct")


@pytest.mark.parametrize("direct", [True, False])
def test_layers_are_resampled_in_one_step_or_through_each_grid_as_torch_does(direct):
    (fmap,) = combine([pyramid(**(ALL_DIRECT if direct else {}))])
    assert np.abs(fmap.values - torch_pyramid(direct=direct)).max() < 1e-6
    assert np.abs(fmap.values - torch_pyramid(direct=not direct)).max() > 1e-2


def test_each_layer_goes_its_own_way():
    (mixed,) = combine([pyramid(decoder_2="direct")])
    (direct,) = combine([pyramid(**ALL_DIRECT)])
    assert np.allclose(mixed, direct, atol=1e-6)
    (cascade,) = combine([pyramid(decoder_5="direct")])
    assert np.allclose(cascade, combine([pyramid()])[0], atol=1e-6)


@pytest.mark.parametrize("components", [None, 3])
def test_maps_that_are_resampled_otherwise_are_not_compared(components):
    cascade, direct = pyramid(components=components), pyramid(components=components, **ALL_DIRECT)
    with pytest.raises(IncomparableFeaturesError, match="resampling 'cascade' against 'direct'"):
        combine([cascade, direct])
    (first,), (second,) = combine([cascade]), combine([direct])
    with pytest.raises(IncomparableFeaturesError, match="different bases"):
        NearestNeighbor()(first, second)


def test_the_basis_of_features_that_say_nothing_of_resampling_stays():
    grid = np.arange(36.0).reshape(4, 3, 3)
    (fmap,) = combine([tree(layer(grid, name="fine"), layer(grid[:, :2, :2], name="coarse"))])
    expected = "affae28e7d35519ff0d7d1d33f01d7bfefd21c2a27d293df94abe95d484bd35a"
    assert fmap.attrs["basis"] == expected


def test_a_blank_image_has_cells_of_unit_length():
    for components in (None, 3):
        blank = tree(layer(np.ones((5, 4, 4)), components=components))
        (fmap,) = combine([blank])
        assert np.allclose(np.linalg.norm(fmap, axis=0), 1, atol=1e-6)
    (fmap,) = combine([tree(layer(np.zeros((5, 4, 4))))])
    assert np.allclose(fmap, 5**-0.5)


def test_huge_and_tiny_features_keep_their_direction():
    direction = np.random.default_rng(0).standard_normal((6, 3, 3))
    expected = combine([tree(layer(direction))])[0].values
    for scale in (1e-30, 1e30):
        assert np.allclose(combine([tree(layer(direction * scale))])[0], expected, atol=1e-6)


@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=3),
    st.integers(1, 12),
    st.one_of(st.none(), st.integers(1, 15)),
    st.integers(1, 3),
)
@settings(max_examples=40, deadline=None)
def test_any_trees_combine_to_unit_cells_on_the_finest_grid(grids, channels, components, images):
    generator = np.random.default_rng(0)
    trees = [
        tree(
            *(
                layer(
                    generator.standard_normal((channels, *grid)),
                    name=f"layer_{number}",
                    components=components,
                )
                for number, grid in enumerate(grids)
            )
        )
        for _ in range(images)
    ]
    maps = combine(trees)
    finest = max(rows * columns for rows, columns in grids)
    width = channels if components is None else min(components, channels)
    for fmap in maps:
        assert fmap.sizes["y"] * fmap.sizes["x"] == finest
        assert fmap.sizes["channel"] == width * len(grids)
        assert np.allclose(np.linalg.norm(fmap, axis=0), 1, atol=1e-5)


def test_combine_leaves_the_trees_alone():
    trees = paper_trees()
    before = [each.copy(deep=True) for each in trees]
    combine(trees)
    assert all(map(xr.DataTree.identical, trees, before))


GRID = np.random.default_rng(0).standard_normal((4, 3, 3))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (tree(layer(GRID, settings={"size": 64})), "net/token: size 128 against 64"),
        (tree(layer(GRID, settings={"size": 128, "t": 5})), "net/token: t None against 5"),
        (tree(layer(GRID, revision="2")), "net/token: revision '1' against '2'"),
        (tree(layer(GRID, model="m")), "net/token: model 'made by hand' against 'm'"),
        (tree(layer(GRID, name="key")), "the layers net/token against net/key"),
        (tree(layer(GRID[:3])), "net/token: channels 4 against 3"),
        (tree(layer(GRID, components=2)), "net/token: components None against 2"),
    ],
)
def test_trees_of_other_recipes_are_refused(other, message):
    with pytest.raises(IncomparableFeaturesError, match=message):
        combine([tree(layer(GRID)), other])


def two_sources(first: float, second: float) -> xr.DataTree:
    return tree(layer(GRID, "net", weight=first), layer(GRID[::-1], "other", weight=second))


# In a third of 0.3 and in the tenths the last digits of the ratio differ from those of 1 to 3.
@pytest.mark.parametrize("scaled", [(0.5, 0.5 * 3), (1 / 3, 1.0), (0.1, 0.3), (7e-200, 21e-200)])
def test_a_factor_of_all_weights_changes_neither_map_nor_basis(scaled):
    (expected,) = combine([two_sources(1, 3)])
    in_the_call = dict(zip(("net", "other"), scaled, strict=True))
    maps = [
        *combine([two_sources(*scaled)]),
        *combine([two_sources(5, 1)], weights=in_the_call),
        *combine([two_sources(1, 3), two_sources(*scaled)]),
        *combine([two_sources(scaled[0], 9), two_sources(1, 4)], weights=in_the_call),
        *combine([two_sources(1, 9), two_sources(1, 4)], weights={"other": 3}),
    ]
    for fmap in maps:
        assert np.allclose(fmap, expected, atol=1e-6)
        assert fmap.attrs["basis"] == expected.attrs["basis"]


def test_another_ratio_of_weights_is_another_basis():
    bases = {combine([two_sources(1, ratio)])[0].attrs["basis"] for ratio in (0, 0.5, 2, 2.001)}
    assert len(bases) == 4
    for second in (two_sources(2, 2.01), two_sources(1, 0)):
        with pytest.raises(IncomparableFeaturesError, match=r"net/\w+: share 0.7071"):
            combine([two_sources(1, 1), second])
    with pytest.raises(IncomparableFeaturesError, match=r"share 0.89\d* against 0.97"):
        combine([two_sources(1, 1), two_sources(2, 1)], weights={"other": 0.5})


def test_a_source_alone_has_one_basis_whatever_its_weight_and_its_company():
    alone = combine([tree(layer(GRID, "net", weight=0.3))])[0]
    fused = combine([two_sources(1, 1)], weights={"other": 0})[0]
    assert alone.attrs["basis"] == fused.attrs["basis"]


def test_what_the_call_overrides_may_differ():
    pair = [tree(layer(GRID, components=2)), tree(layer(GRID + 1, components=3, weight=2.0))]
    a, b = combine(pair, components={"token": None}, weights={"net": 1})
    assert a.sizes["channel"] == b.sizes["channel"] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": {"dino": 1}}, "unknown source in weights: 'dino'"),
        ({"weights": {"net": -1}}, "weight of net must be a finite number of at least 0"),
        ({"weights": {"net": 0}}, "every weight is 0"),
        ({"components": {"tokens": 1}}, "unknown layer in components: 'tokens'"),
        ({"components": {"token": 0}}, "components of net/token must be an integer"),
    ],
)
def test_bad_overrides_are_named(options, message):
    with pytest.raises(OptionError, match=message):
        combine([tree(layer(GRID))], **options)


def test_invalid_trees_are_refused():
    with pytest.raises(InvalidFeaturesError, match="at least one feature tree"):
        combine([])
    with pytest.raises(InvalidFeaturesError, match=r"not an xarray\.DataTree"):
        combine(["a.nc"])
    with pytest.raises(InvalidFeaturesError, match=r"net/token of .*a\.png holds NaN or infinite"):
        combine([tree(layer(np.full((2, 2, 2), np.nan)))])


def test_one_source_name_cannot_have_two_weights():
    mixed = tree(layer(GRID, name="a", weight=1.0), layer(GRID, name="b", weight=2.0))
    with pytest.raises(InvalidFeaturesError, match="net have different weights"):
        combine([mixed])


def test_all_pairs_of_one_call_share_the_basis():
    maps = combine([*paper_trees(), paper_trees()[0]])
    assert all(a.attrs["basis"] == b.attrs["basis"] for a, b in itertools.combinations(maps, 2))
    assert np.array_equal(maps[0], maps[2])


@pytest.mark.parametrize("components", [None, 2])
def test_features_that_take_more_than_is_free_are_not_combined(components, monkeypatch):
    trees = paper_trees()
    kept = {"components": dict.fromkeys(SD, components)}
    monkeypatch.setattr(memory, "free_memory", lambda device: 1000)
    with pytest.raises(OutOfMemoryError, match="combining the features of ") as caught:
        combine(trees, **kept)
    assert "take fewer images" in caught.value.hint
