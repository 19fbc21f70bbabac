import numpy as np
import pytest
import xarray as xr
from descr.applications.explorer import measure_loss, pack_features
from descr.descriptors.errors import IncomparableFeaturesError
from descr.matchers import NearestNeighbor
from hypothesis import given
from hypothesis import strategies as st
from support.pictures import feature_map, random_map


def cosines(maps: list[xr.DataArray]) -> np.ndarray:
    first, second = (one.values.reshape(one.sizes["channel"], -1).astype(float) for one in maps)
    return first.T @ second


def low_rank(rank: int, channels: int, seed: int, **of: object) -> xr.DataArray:
    """A map of 6 x 7 cells that lie in one space of so many dimensions, whatever the seed."""
    space = np.random.default_rng(99).normal(size=(channels, rank))
    cells = np.random.default_rng(seed).normal(size=(rank, 42))
    return feature_map((space @ cells).reshape(channels, 6, 7), **of)


def test_parts_are_the_sources_with_their_shares(fused_maps: list[xr.DataArray]) -> None:
    packed = pack_features(fused_maps, [100, 100])
    assert packed.sources == ["near", "far"]
    assert packed.shares == pytest.approx([0.8, 0.2], abs=1e-6)
    assert packed.channels == packed.components == [6, 10]
    for part in packed.cells:
        for cells, fmap in zip(part, fused_maps, strict=True):
            assert cells.dtype == np.int8
            assert len(cells) == fmap[0].size
            assert set(np.abs(cells).max(axis=1)) == {127}


@given(st.integers(0, 1000), st.integers(2, 40))
def test_8_bits_move_cosines_by_no_more_than_their_steps(seed: int, channels: int) -> None:
    maps = [random_map(4, 5, channels, seed=seed + at) for at in range(2)]
    packed = pack_features(maps, [channels])
    # Each number is off by half a step of at most 1/127, and a cell by as much along each.
    bound = 2 * np.sqrt(channels) * 0.5 / 127 * 1.1
    assert np.abs(cosines(packed.maps()) - cosines(maps)).max() <= bound


def test_cells_of_few_dimensions_lose_nothing_to_fewer_components() -> None:
    maps = [low_rank(5, 60, seed) for seed in (1, 2)]
    packed = pack_features(maps, [5])
    assert packed.components == [5]
    assert np.abs(cosines(packed.maps()) - cosines(maps)).max() < 0.02


def test_more_components_lose_less() -> None:
    maps = [random_map(9, 9, 48, seed=seed) for seed in (1, 2)]
    errors = [
        float(measure_loss(maps, pack_features(maps, [count]))["rms"][0]) for count in (4, 16, 48)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.005


def test_no_component_outweighs_the_others() -> None:
    """Without a rotation, cells that have much in common would keep few steps for the rest."""
    common = np.ones((64, 1, 1)) * 3
    rest = np.random.default_rng(0).normal(size=(64, 8, 8))
    packed = pack_features([feature_map(common + rest)] * 2, [32])
    assert np.median(np.abs(packed.cells[0][0])) > 20


def test_unlabelled_and_uneven_sources_are_one_part(fused_maps: list[xr.DataArray]) -> None:
    plain = [fmap.drop_vars("source") for fmap in fused_maps]
    assert pack_features(plain, [16]).sources == ["features"]
    uneven = fused_maps[0].copy(deep=True)
    uneven[:6, 0, 0] *= 0.5
    uneven[6:, 0, 0] *= np.sqrt((1 - 0.25 * 0.8) / 0.2)
    assert pack_features([uneven, fused_maps[1]], [16]).sources == ["near + far"]


def test_maps_of_other_weights_are_those_of_combine(fused_maps: list[xr.DataArray]) -> None:
    packed = pack_features(fused_maps, [6, 10])
    near = packed.maps((1, 0))
    assert near[0].attrs["basis"] == near[1].attrs["basis"] != packed.maps()[0].attrs["basis"]
    expected = [fmap[:6].copy(data=fmap[:6] / np.sqrt(0.8)) for fmap in fused_maps[:2]]
    np.testing.assert_allclose(cosines(near[:2]), cosines(expected), atol=0.02)


def test_a_cell_that_is_left_nothing_has_equal_components() -> None:
    cells = np.zeros((4, 2, 3), np.float32)
    cells[0] = 1
    cells[:, 0, 0] = 0, 0, 0, 1
    packed = pack_features([feature_map(cells)] * 2, [1])
    assert set(packed.cells[0][0].ravel()) <= {-127, 127}


def test_maps_of_two_bases_are_refused() -> None:
    with pytest.raises(IncomparableFeaturesError, match="different bases"):
        pack_features([random_map(3, 3), random_map(3, 3, basis="another")], [8])


def test_the_loss_is_that_of_nearest_neighbours(fused_maps: list[xr.DataArray]) -> None:
    packed = pack_features(fused_maps[:2], [3, 4])
    loss = measure_loss(fused_maps[:2], packed)
    assert loss["descriptor"].values.tolist() == ["near", "far", "all"]
    assert loss["channels"].values.tolist() == [6, 10, 16]
    assert loss["components"].values.tolist() == [3, 4, 7]
    same, within, cells = 0, 0, 0
    for order in (1, -1):
        full = NearestNeighbor()(*fused_maps[:2][::order])
        kept = NearestNeighbor()(*packed.maps()[::order])
        target = fused_maps[:2][::order][1]
        apart = [
            np.searchsorted(target[axis], full[f"target_{axis}"])
            - np.searchsorted(target[axis], kept[f"target_{axis}"])
            for axis in "xy"
        ]
        distance = np.maximum(*np.abs(apart))
        same, within = same + (distance == 0).sum(), within + (distance <= 1).sum()
        cells += distance.size
    whole = loss.sel(descriptor="all")
    assert float(whole["same_cell"]) == pytest.approx(same / cells)
    assert float(whole["within_one_cell"]) == pytest.approx(within / cells)
    difference = cosines(packed.maps()) - cosines(fused_maps[:2])
    assert float(whole["rms"]) == pytest.approx(np.sqrt((difference**2).mean()), rel=1e-3)
    assert float(whole["largest"]) == pytest.approx(np.abs(difference).max(), rel=1e-3)
