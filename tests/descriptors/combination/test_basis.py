import gc
import weakref

import numpy as np
import pytest
import torch
from descr.descriptors import SIFT, Basis, combine
from descr.descriptors.errors import IncomparableFeaturesError, InvalidFeaturesError, OptionError
from descr.descriptors.features.tensors import FeatureMap, Features
from descr.descriptors.testing import render_picture
from descr.matchers import NearestNeighbor
from hypothesis import given, settings
from hypothesis import strategies as st
from support.trees import layer, tree


def image(seed, *, wide=6, settings=None):
    """An image of two sources: one of two layers that are reduced, one as it is."""
    rng = np.random.default_rng(seed)
    options = {} if settings is None else {"settings": settings}
    return tree(
        layer(rng.standard_normal((20, 3, wide)), "sd", "coarse", components=4, **options),
        layer(rng.standard_normal((16, 6, 9)), "sd", "fine", components=5, **options),
        layer(rng.standard_normal((7, 4, 4)), "dino", "token", weight=0.5, **options),
        name=f"{seed}.png",
    )


@settings(max_examples=20)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=5))
def test_a_basis_of_the_trees_is_what_combine_fits(seeds):
    trees = [image(seed) for seed in seeds]
    basis = Basis.fit(trees)
    for one, fmap, same in zip(trees, combine(trees), combine(trees, basis=basis), strict=True):
        assert basis.transform(one).identical(fmap)
        assert same.identical(fmap)


def test_a_map_of_a_basis_depends_on_its_image_alone_and_joins_old_ones():
    basis = Basis.fit(image(seed) for seed in range(8))
    old, late = basis.transform(image(3)), basis.transform(image(99))
    assert old.identical(combine([image(3), image(99)], basis=basis)[0])
    assert old.attrs["basis"] == late.attrs["basis"] == basis.identity
    assert NearestNeighbor()(old, late)["matched"].all()
    with pytest.raises(IncomparableFeaturesError, match="different bases"):
        NearestNeighbor()(combine([image(3)])[0], late)


def test_fitting_goes_once_through_any_iterable_and_holds_one_tree():
    trees_so_far = []
    most = 0

    def trees():
        nonlocal most
        for seed in range(10):
            one = image(seed)
            trees_so_far.append(weakref.ref(one))
            yield one
            del one
            gc.collect()
            most = max(most, sum(one() is not None for one in trees_so_far))

    basis = Basis.fit(trees())
    assert basis.identity == Basis.fit([image(seed) for seed in range(10)]).identity
    assert most <= 2


def test_some_cells_give_nearly_the_basis_of_all_and_a_seed_the_same():
    trees = [
        SIFT(size=128, step=16).extract([render_picture(96, 128, seed=seed)])[0]
        for seed in range(6)
    ]
    every = Basis.fit(trees, components=16)
    some = [Basis.fit(trees, components=16, cells=200, seed=seed) for seed in (0, 0, 1)]
    assert some[0].identity == some[1].identity != some[2].identity
    maps = combine(trees[:2], basis=every), combine(trees[:2], basis=some[0])
    cosines = [np.einsum("cyx,cvu->yxvu", *(one.values for one in pair)) for pair in maps]
    assert np.corrcoef(cosines[0].ravel(), cosines[1].ravel())[0, 1] > 0.9
    assert Basis.fit(trees, components=16, cells=10**9).identity == every.identity


def test_one_number_of_components_is_for_every_layer_that_has_more():
    basis = Basis.fit([image(0), image(1)], components=10)
    assert [basis.components(path) for path in ("sd/coarse", "sd/fine", "dino/token")] == [
        10,
        10,
        7,
    ]
    assert len(basis.sources) == 27
    assert "27 channels" in repr(basis)
    named = Basis.fit([image(0), image(1)], components={"coarse": None})
    assert named.components("sd/coarse") == 20


def test_tensors_give_tensors_with_the_numbers_of_the_trees():
    trees = [image(seed) for seed in range(3)]
    features = [Features.from_tree(one) for one in trees]
    basis = Basis.fit(features)
    for one, fmap in zip(combine(features), combine(trees), strict=True):
        assert isinstance(one, FeatureMap)
        assert one.to_xarray().identical(fmap)
    assert basis.transform(features[0]).to_xarray().identical(basis.transform(trees[0]))
    result = NearestNeighbor()(*combine(features)[:2])
    assert result.identical(NearestNeighbor()(*combine(trees)[:2]))


def test_features_of_another_space_are_refused():
    basis = Basis.fit([image(0)])
    with pytest.raises(IncomparableFeaturesError, match=r"the basis and 1\.png .*size 128 against"):
        basis.transform(image(1, settings={"size": 64}))
    with pytest.raises(IncomparableFeaturesError, match="the layers"):
        combine([tree(layer(np.ones((20, 2, 2)), "sd", "coarse"))], basis=basis)
    with pytest.raises(InvalidFeaturesError, match="not an xarray"):
        basis.transform("a.nc")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Basis.fit(iter([image(0)]), cells=5), "how many images there are"),
        (lambda: Basis.fit([image(0)], cells=0), "cells must be an integer of at least 1"),
        (lambda: Basis.fit([image(0)], components=0), "components must be an integer"),
        (lambda: Basis.fit([image(0)], seed=-1), "seed must be"),
        (
            lambda: combine([image(0)], basis=Basis.fit([image(0)]), weights={"sd": 1.0}),
            "weights and components of its own|own weights",
        ),
    ],
)
def test_options_out_of_range_are_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()


def test_no_tree_gives_no_basis():
    with pytest.raises(InvalidFeaturesError, match="at least one feature tree"):
        Basis.fit([])


def test_a_feature_map_is_checked_when_it_is_made():
    fmap = combine([image(0)])[0]
    tensors = FeatureMap.from_xarray(fmap)
    assert tensors.to_xarray().identical(fmap)
    assert tensors.features.data_ptr() == fmap.values.ctypes.data
    assert FeatureMap.from_xarray(fmap * 3).features.allclose(tensors.features, atol=1e-6)
    for wrong, message in (
        (tensors.features * 2, "not of unit length"),
        (tensors.features * torch.nan, "not of unit length, or NaN"),
        (tensors.features[:, 1:], "by its grid"),
        (tensors.features.double(), r"type torch\.float64"),
    ):
        with pytest.raises(InvalidFeaturesError, match=message):
            FeatureMap(wrong, tensors.grid, tensors.attrs)
    with pytest.raises(InvalidFeaturesError, match="no attribute 'basis'"):
        FeatureMap(
            tensors.features, tensors.grid, {"image_name": "a", "image_height": 1, "image_width": 1}
        )


def test_features_that_need_gradients_get_them_and_nan_is_refused():
    features = Features.from_tree(image(0))
    basis = Basis.fit([features])
    token = features.layers["dino/token"].features
    expected = basis.transform(features).features
    token.requires_grad_()
    fmap = basis.transform(features)
    assert torch.allclose(fmap.features, expected, atol=1e-6)
    fmap.features.sum().backward()
    assert token.grad.abs().max() > 0
    token.detach()[0, 0, 0] = torch.nan
    with pytest.raises(InvalidFeaturesError, match="not of unit length, or NaN"):
        basis.transform(features)


@pytest.mark.parametrize("trained", [0, 1])
def test_one_source_may_take_gradients_and_the_other_none(trained):
    features = Features.from_tree(image(0))
    basis = Basis.fit([features])
    sources = list(dict.fromkeys(path.partition("/")[0] for path in features.layers))
    own = [path for path in features.layers if path.startswith(sources[trained])]
    for path in own:
        features.layers[path].features.requires_grad_()
    basis.transform(features).features.square()[0].sum().backward()
    assert all(features.layers[path].features.grad is not None for path in own)
