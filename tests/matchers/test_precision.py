"""The bounds must hold: were one too small, the search would miss a best cell in silence."""

import pytest
import torch
from descr.matchers import precision
from descr.matchers.precision import BFloat16, Float32, Float64, ladder, pair_scores


def unit(channels, count, seed, spread=0.0):
    values = torch.randn(channels, count, generator=torch.Generator().manual_seed(seed)).double()
    values *= torch.exp(spread * torch.randn(channels, 1, dtype=torch.float64))
    return (values / values.norm(dim=0)).float()


def scores(a, b):
    return (a.double().T @ b.double()).float()


@pytest.mark.parametrize("channels", [1, 3, 128, 1536])
@pytest.mark.parametrize("spread", [0.0, 3.0])
@pytest.mark.parametrize("product", [Float32, BFloat16, Float64])
def test_no_value_is_further_from_its_score_than_stated(channels, spread, product):
    a, b = unit(channels, 60, 0, spread), unit(channels, 90, 1, spread)
    b[:, :30] = a[:, :30]
    out = torch.empty(40, 90)
    error = product(a, b).multiply(10, 50, out)
    assert (out.double() - scores(a, b)[10:50].double()).abs().max() <= error


def test_the_bounds_are_of_use():
    a, b = unit(1536, 10, 0), unit(1536, 10, 1)
    out = torch.empty(10, 10)
    assert Float32(a, b).multiply(0, 10, out) < 1e-4
    assert BFloat16(a, b).multiply(0, 10, out) < 1.2e-2
    assert Float64(a, b).multiply(0, 10, out) == 0


def test_exact_products_and_pairs_agree_over_strips(monkeypatch):
    a, b = unit(50, 40, 0), unit(50, 300, 1)
    monkeypatch.setattr(precision, "_STRIP", 50 * 7)
    monkeypatch.setattr(precision, "_PAIRS", 11)
    monkeypatch.setattr(precision, "_CHANNELS", 16)
    out = torch.empty(40, 300)
    Float64(a, b).multiply(0, 40, out)
    assert torch.equal(out, scores(a, b))
    rows, columns = torch.arange(40).repeat_interleave(300), torch.arange(300).repeat(40)
    assert torch.equal(pair_scores(a, b, rows, columns).view(40, 300), out)
    assert torch.equal(pair_scores(a, b, None, columns[:40]), out.diagonal())


@pytest.mark.parametrize("dtype", ["auto", "float32"])
def test_products_are_in_float32_unless_bfloat16_is_named(dtype):
    a, b = torch.zeros(2, 8), torch.zeros(2, 8)
    assert [type(product) for product in ladder(a, b, dtype)] == [Float32, Float64]
    assert [type(product) for product in ladder(a, b, "bfloat16")] == [BFloat16, Float32, Float64]


def test_products_that_torch_was_told_to_round_have_a_wider_bound():
    a, b = unit(16, 4, 0), unit(16, 4, 1)
    narrow = Float32(a, b).error
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        out = torch.empty(4, 4)
        wide = Float32(a, b).multiply(0, 4, out)
        assert (out - scores(a, b)).abs().max() <= wide
    finally:
        torch.set_float32_matmul_precision(before)
    assert wide > 2**-7 > narrow
    assert Float32(a, b).error == narrow
