import numpy as np
import pytest
import torch
from descr.descriptors.features.grids import (
    Grid,
    at_cells,
    nearest_cells,
    nearest_pixels,
    resample,
    unit_length,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def even(count: int, spacing: float = 8.0, start: float = 3.5) -> np.ndarray:
    return start + spacing * np.arange(count)


def test_resampling_between_whole_ratios_is_the_usual_bilinear_interpolation():
    features = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0))
    for factor in (2, 3, 4):
        coarse = Grid(even(5, factor, factor / 2 - 0.5), even(7, factor, factor / 2 - 0.5))
        fine = Grid(even(5 * factor, 1, 0), even(7 * factor, 1, 0))
        expected = torch.nn.functional.interpolate(
            features[None], scale_factor=factor, mode="bilinear", align_corners=False
        )[0]
        assert torch.allclose(resample(features, coarse, fine), expected, atol=1e-6)


@given(st.integers(1, 8), st.integers(1, 8), st.floats(-50, 50), st.floats(-50, 50))
@settings(max_examples=60, deadline=None)
def test_resampling_stays_within_the_features_and_is_exact_at_centres(rows, columns, y, x):
    features = torch.randn(2, rows, columns, generator=torch.Generator().manual_seed(1))
    grid = Grid(even(rows), even(columns))
    anywhere = resample(features, grid, Grid(np.array([y]), np.array([x])))
    assert (anywhere >= features.amin(dim=(1, 2), keepdim=True) - 1e-5).all()
    assert (anywhere <= features.amax(dim=(1, 2), keepdim=True) + 1e-5).all()
    same = Grid(even(rows).copy(), even(columns).copy())
    assert torch.equal(resample(features, grid, same), features)


def test_the_cell_that_holds_a_point():
    centres = even(4)
    positions = np.array([-0.5, 3.5, 7.49, 7.5, 15.4, 31.5, 99.0])
    assert nearest_cells(centres, positions).tolist() == [0, 0, 0, 1, 1, 3, 3]
    assert nearest_cells(np.array([5.0]), positions).tolist() == [0] * 7


def test_unit_length_keeps_directions_and_gives_blank_cells_one():
    features = torch.tensor([[3.0, 0.0], [4.0, 0.0]])[:, None]
    unit = unit_length(features)
    assert unit[:, 0, 0].tolist() == pytest.approx([0.6, 0.8])
    assert unit[:, 0, 1].tolist() == pytest.approx([0.5**0.5] * 2)


def test_a_position_belongs_to_the_pixel_around_it():
    positions = np.array([-0.5, 0.49, 0.5, 1.49, 2.5])
    assert nearest_pixels(positions, 3).tolist() == [0, 0, 1, 1, 2]


def test_a_cell_is_in_the_mask_by_the_pixel_at_its_centre():
    grid = Grid(even(2, 10, 4.5), even(4, 10, 4.5))
    mask = np.zeros((20, 40), bool)
    mask[5, 15] = True
    assert np.argwhere(at_cells(mask, grid)).tolist() == [[0, 1]]
