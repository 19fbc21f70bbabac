import pytest
import torch
from descr.descriptors.models.vit.positions import resize_positions
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

POSITIONS = torch.randn(1, 25, 3, generator=torch.Generator().manual_seed(0))


@settings(max_examples=50, deadline=None)
@given(rows=st.integers(1, 90), columns=st.integers(1, 90), registers=st.booleans())
def test_every_grid_gets_a_position_per_cell(rows, columns, registers):
    resized = resize_positions(POSITIONS, rows, columns, registers=registers)
    assert resized.shape == (1, rows * columns, 3)


@pytest.mark.parametrize("registers", [False, True])
def test_the_trained_grid_is_left_as_it_is(registers):
    assert resize_positions(POSITIONS, 5, 5, registers=registers) is POSITIONS


def test_models_without_registers_are_resized_by_a_scale_that_is_slightly_off():
    grid = POSITIONS.reshape(1, 5, 5, 3).permute(0, 3, 1, 2)
    ours = resize_positions(POSITIONS, 8, 6, registers=False).reshape(8, 6, 3)
    theirs = functional.interpolate(grid, scale_factor=(8.1 / 5, 6.1 / 5), mode="bicubic")
    by_size = functional.interpolate(grid, size=(8, 6), mode="bicubic")
    assert torch.allclose(ours, theirs[0].permute(1, 2, 0))
    assert (ours - by_size[0].permute(1, 2, 0)).abs().max() > 1e-2


def test_half_precision_is_interpolated_in_float32():
    low = resize_positions(POSITIONS.bfloat16(), 8, 6, registers=False)
    exact = resize_positions(POSITIONS.bfloat16().float(), 8, 6, registers=False)
    assert low.dtype == torch.bfloat16
    assert torch.equal(low, exact.bfloat16())
