import pytest
import torch
from descr.descriptors.runtime import winograd
from descr.descriptors.runtime.convolution import convolved_strips
from descr.descriptors.runtime.winograd import Winograd
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    shape=st.tuples(st.integers(3, 12), st.integers(3, 12)),
    columns=st.integers(0, 2),
    biased=st.booleans(),
)
def test_it_is_the_convolution(
    batch: int, channels: tuple[int, int], shape: tuple[int, int], columns: int, biased: bool
) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(*channels, 3, 1, (0, columns), bias=biased)
    features = torch.randn(batch, channels[0], *shape)
    before = features.clone()
    with torch.inference_mode():
        exact = layer.double()(features.double())
        layer.float()
        # What is rounded are the terms, which may cancel: their size counts, not that of the sum.
        terms = torch.nn.functional.conv2d(
            features.abs(), layer.weight.abs(), padding=layer.padding
        ).max()
        convolve = Winograd(layer.weight, layer.bias)
        # Strips of other heights in between: they share their memory.
        convolve(torch.full((1, channels[0], 5, 8), torch.nan), columns)
        found = convolve(features, columns)
    assert found.shape == exact.shape
    assert torch.allclose(found.double(), exact, rtol=0, atol=1e-6 * float(terms))
    assert torch.equal(features, before)


def test_it_is_as_exact_as_the_sum_itself() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(128, 128, 3, 1, 1)
    features = torch.randn(1, 128, 20, 20)
    with torch.inference_mode():
        usual = layer(features)
        found = Winograd(layer.weight, layer.bias)(
            torch.nn.functional.pad(features, (0, 0, 1, 1)), 1
        )
        exact = layer.double()(features.double())
    assert float((found - exact).std()) <= 1.2 * float((usual - exact).std())


def test_results_do_not_share_memory() -> None:
    layer = torch.nn.Conv2d(4, 5, 3)
    with torch.inference_mode():
        convolve = Winograd(layer.weight, layer.bias)
        first = convolve(torch.ones(1, 4, 6, 6), 0)
        before = first.clone()
        convolve(torch.zeros(1, 4, 6, 6), 0)
    assert torch.equal(first, before)


@pytest.mark.parametrize(
    ("layer", "cells", "pays"),
    [
        (torch.nn.Conv2d(128, 128, 3, 1, 1), 3000, True),
        (torch.nn.Conv2d(128, 128, 3, 1, 1), 2999, False),
        (torch.nn.Conv2d(3, 128, 3, 1, 1), 3000, False),
        (torch.nn.Conv2d(512, 8, 3, 1, 1), 3000, False),
        (torch.nn.Conv2d(128, 128, 1), 3000, False),
        (torch.nn.Conv2d(128, 128, 3, 1, 1).bfloat16(), 3000, False),
    ],
)
def test_it_is_left_where_it_does_not_pay(layer: torch.nn.Conv2d, cells: int, pays: bool) -> None:
    assert Winograd.pays(layer.weight, cells) is pays


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("height", [50, 53])
def test_strips_of_large_layers_are_the_whole_convolution(
    stride: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(128, 130, 3, stride, 1)
    features = torch.randn(1, 128, height, 70)
    called = []
    convolve = Winograd.__call__
    monkeypatch.setattr(
        winograd.Winograd, "__call__", lambda *given: called.append(1) or convolve(*given)
    )
    with torch.inference_mode():
        whole = layer(features)
        strips = [strip for _, strip in convolved_strips(features, layer)]
    assert bool(called) is (stride == 1)
    assert torch.allclose(torch.cat(strips, dim=2), whole, rtol=0, atol=1e-5)
