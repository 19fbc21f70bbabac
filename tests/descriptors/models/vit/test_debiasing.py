import json
from typing import Any

import pytest
import torch
from descr.descriptors import Backbone, DINOv2, DINOv3
from descr.descriptors.errors import OptionError
from descr.descriptors.models.vit import base
from descr.descriptors.models.vit.debiasing import positional_directions, project_out
from descr.descriptors.testing import check_descriptor, render_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import DINOV2, DINOV2_REGISTERS, dinov3
from torch.nn import functional


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def tiny(kind: str, **options: Any) -> Backbone:
    options = {"device": "cpu", "dtype": "float32", "fit": "aspect", **options}
    if kind == "dinov3":
        return DINOv3(model=str(dinov3()), size=96, **options)
    folder = DINOV2_REGISTERS if kind == "registers" else DINOV2
    return DINOv2(model=str(folder), size=84, **options)


KINDS = ["dinov2", "registers", "dinov3"]


@settings(max_examples=30, deadline=None)
@given(
    channels=st.integers(2, 40),
    rows=st.integers(1, 6),
    columns=st.integers(2, 6),
    count=st.integers(1, 11),
    seed=st.integers(0, 9),
)
def test_directions_are_the_first_singular_vectors_of_centred_unit_cells(
    channels: int, rows: int, columns: int, count: int, seed: int
) -> None:
    count = min(count, channels - 1, rows * columns - 1)
    black = noise(channels, rows, columns, seed=seed)
    directions = positional_directions(black, count)
    cells = functional.normalize(black.flatten(1).double(), dim=0)
    vectors = torch.linalg.svd(cells - cells.mean(1, keepdim=True), full_matrices=False)[0]
    assert directions.dtype == torch.float32
    assert torch.allclose(directions.T @ directions, torch.eye(count), atol=1e-5)
    # Whatever their signs, and their order where two are equal, they span the same.
    expected = (vectors[:, :count] @ vectors[:, :count].T).float()
    assert torch.allclose(directions @ directions.T, expected, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 8), seed=st.integers(0, 9))
def test_what_is_left_has_nothing_along_the_directions(count: int, seed: int) -> None:
    directions = positional_directions(noise(12, 5, 4, seed=seed), count)
    features = noise(3, 12, 4, 5, seed=seed + 1)
    left = project_out(features, directions)
    assert torch.allclose(directions.T @ left.flatten(2), torch.zeros(()), atol=1e-5)
    assert torch.allclose(project_out(left, directions), left, atol=1e-5)
    # What was taken out lies along them.
    taken = (features - left).flatten(2)
    assert torch.allclose(directions @ (directions.T @ taken), taken, atol=1e-5)


def test_a_signal_that_is_the_same_at_each_place_of_every_image_is_removed() -> None:
    axes = torch.linalg.qr(noise(16, 3))[0]
    at_place = torch.einsum("cd,dyx->cyx", axes, noise(3, 6, 7, seed=1))
    content = noise(2, 16, 6, 7, seed=2)
    black = at_place + 5 * torch.linalg.qr(noise(16, 4, seed=3))[0][:, 3, None, None]
    # Cells are scaled to unit length first, which adds the constant part to what varies.
    directions = positional_directions(black, 4)
    expected = project_out(content, directions)
    assert torch.allclose(project_out(content + at_place, directions), expected, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_canvas_without_a_position_takes_nothing_out(dtype: torch.dtype) -> None:
    even = noise(12, 1, 1).expand(12, 5, 5)
    rounding = torch.finfo(dtype).eps * noise(12, 5, 5, seed=1)
    directions = positional_directions((even + rounding).to(dtype), 6)
    assert not directions.any()
    features = noise(1, 12, 5, 5, seed=2)
    assert torch.equal(project_out(features, directions), features)


@pytest.mark.parametrize("options", [{}, {"facet": "key"}, {"layer": 1}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_descriptor_takes_out_what_its_own_black_canvas_shows(
    kind: str, options: dict[str, Any]
) -> None:
    plain, debiased = tiny(kind, **options), tiny(kind, debias=4, **options)
    pixels = torch.rand(2, 3, 5 * plain.multiple, 3 * plain.multiple)
    with torch.inference_mode():
        (black,) = plain.forward(torch.zeros(1, *pixels.shape[1:])).values()
        (features,) = plain.forward(pixels).values()
        (left,) = debiased.forward(pixels).values()
    directions = positional_directions(black[0], 4)
    assert torch.allclose(left, project_out(features, directions), atol=1e-4)
    assert not torch.allclose(left, features, atol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_none_taken_out_is_the_features_as_they_are(kind: str) -> None:
    pixels = torch.rand(1, 3, 3 * 112, 112)
    plain, zero = (tiny(kind, **options).forward(pixels) for options in ({}, {"debias": 0}))
    assert all(torch.equal(plain[name], zero[name]) for name in plain)


@pytest.mark.parametrize("kind", KINDS)
def test_a_debiased_descriptor_keeps_every_promise_of_a_descriptor(kind: str) -> None:
    check_descriptor(tiny(kind, debias=3))


def test_features_say_what_was_taken_out() -> None:
    layer = tiny("dinov3", debias=3).extract([render_picture(96, 64)])[0]["dinov3/token"]
    assert json.loads(layer.attrs["settings"])["debias"] == 3


def test_one_pass_for_each_shape_of_canvas_is_kept_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shapes = []

    def directions(black: torch.Tensor, count: int) -> torch.Tensor:
        shapes.append(tuple(black.shape[1:]))
        return positional_directions(black, count)

    monkeypatch.setattr(base, "positional_directions", directions)
    monkeypatch.setattr(base, "_SHAPES", 2)
    describe = tiny("dinov3", debias=3)
    wide, high, square = (render_picture(*shape) for shape in ((64, 96), (96, 64), (96, 96)))
    describe.extract([wide, high, wide])
    describe.extract([high, wide, wide])
    assert shapes == [(4, 6), (6, 4)]
    describe.extract([square, high])
    assert shapes == [(4, 6), (6, 4), (6, 6), (6, 4)]


@pytest.mark.parametrize("debias", [-1, 24, 1.5, True, None])
def test_a_count_out_of_range_is_refused(debias: Any) -> None:
    for kind in KINDS:
        with pytest.raises(OptionError, match="debias must be an integer from 0 to 23"):
            tiny(kind, debias=debias)


def test_a_canvas_of_too_few_cells_is_refused() -> None:
    message = "debias must be below the 18 cells of a canvas of 96 x 48 pixels, not 18"
    with pytest.raises(OptionError, match=message):
        tiny("dinov3", debias=18).extract([render_picture(48, 96)])
