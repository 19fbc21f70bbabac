import numpy as np
import pytest
import torch
from descr.descriptors.combination.pca import Moments, Projection
from descr.descriptors.features.grids import Grid, resample
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reference import reference


def fit_projection(grids: list[torch.Tensor], components: int) -> Projection:
    moments = Moments()
    for grid in grids:
        moments.add(grid)
    return moments.projection(components)


def grid_of(count: int) -> Grid:
    centres = (np.arange(count) + 0.5) * 128 / count - 0.5
    return Grid(centres, centres)


def test_inner_products_after_joint_pca_equal_those_of_the_original():
    joined = [torch.empty(0, 1, 1), torch.empty(0, 1, 1)]
    for block, components in ((2, 6), (5, 10), (8, 8)):
        features = [torch.from_numpy(each) for each in reference(f"decoder_block{block}_t100")]
        projection = fit_projection(features, components)
        for image, each in enumerate(features):
            rows = each.shape[1]
            coarser = resample(joined[image], grid_of(joined[image].shape[1]), grid_of(rows))
            joined[image] = torch.cat([projection(each), coarser])
    a, b = (cells.reshape(24, 64) for cells in joined)
    gram = (a.T @ b).numpy()
    expected = reference("pca_sd_singular_free_gram")
    assert np.abs(gram - expected).max() < 1e-3 * np.abs(expected).max()


def cells(channels: int, count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.linspace(3, 1, channels)[:, None]
    return (torch.randn(channels, count, generator=generator) * scale + 5).reshape(channels, 1, -1)


@pytest.mark.parametrize(("channels", "count"), [(20, 300), (300, 20), (24, 24)])
def test_components_are_those_of_the_singular_value_decomposition(channels, count):
    features = cells(channels, count)
    projection = fit_projection([features], 6)
    projected = projection(features)[:, 0].double()
    centred = features[:, 0].double() - features[:, 0].double().mean(dim=1, keepdim=True)
    _, singular, right = torch.linalg.svd(centred, full_matrices=False)
    for component in range(6):
        expected = singular[component] * right[component]
        assert torch.linalg.vector_norm(projected[component]) == pytest.approx(
            float(singular[component]), rel=1e-5
        )
        assert (
            min(
                (projected[component] - expected).abs().max(),
                (projected[component] + expected).abs().max(),
            )
            < 1e-3
        )


@given(st.integers(1, 12), st.integers(1, 30), st.integers(1, 15), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_axes_are_orthonormal_or_absent_and_signed(channels, count, components, seed):
    axes = fit_projection([cells(channels, count, seed)], components).axes
    assert axes.shape == (channels, min(components, channels))
    gram = (axes.T @ axes).numpy()
    kept = np.diag(gram) > 0.5
    assert np.allclose(gram, np.diag(kept.astype(float)), atol=1e-5)
    assert kept.sum() <= max(count - 1, 0)
    for axis in axes.T[torch.from_numpy(kept)]:
        assert axis[axis.abs().argmax()] > 0


def test_the_fit_is_joint_and_does_not_depend_on_how_cells_are_divided():
    whole = cells(10, 60)
    parts = [whole[:, :, :17], whole[:, :, 17:]]
    together, apart = fit_projection([whole], 5), fit_projection(parts, 5)
    assert torch.allclose(together.axes, apart.axes, atol=1e-5)
    assert torch.allclose(together.mean, apart.mean, atol=1e-5)


def test_the_fit_is_repeatable_to_the_bit():
    first, second = fit_projection([cells(40, 90)], 8), fit_projection([cells(40, 90)], 8)
    assert first.sha256 == second.sha256
    assert first.sha256 != fit_projection([cells(40, 90, seed=1)], 8).sha256


@pytest.mark.parametrize("counts", [(5, 5, 5), (5, 30, 5), (30, 7), (60,)])
def test_moments_are_those_of_all_cells_together(counts):
    parts = [cells(20, count, seed) + seed for seed, count in enumerate(counts)]
    moments = Moments()
    for part in parts:
        moments.add(part)
    whole = torch.cat([part.reshape(20, -1) for part in parts], dim=1).double()
    expected = float((whole - whole.mean(dim=1, keepdim=True)).square().sum())
    assert moments.total == pytest.approx(expected, rel=1e-12)
    apart, together = moments.projection(6), fit_projection([whole.reshape(20, 1, -1)], 6)
    torch.testing.assert_close(apart.mean, together.mean)
    torch.testing.assert_close(apart.axes, together.axes, rtol=1e-4, atol=1e-6)


def test_moments_far_from_zero_lose_nothing():
    moments = Moments()
    for seed in range(3):
        moments.add((cells(4, 50, seed).double() + 1e7).reshape(4, 1, -1))
    near = Moments()
    for seed in range(3):
        near.add(cells(4, 50, seed).double())
    assert moments.total == pytest.approx(near.total, rel=1e-8)
