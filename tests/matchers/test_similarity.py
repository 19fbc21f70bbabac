import numpy as np
import pytest
import torch
from descr.descriptors.errors import OutOfMemoryError
from descr.descriptors.runtime import memory
from descr.matchers import Cells, similarity
from descr.matchers.precision import Float32, Float64
from descr.matchers.similarity import search
from descr.matchers.windows import Windows
from hypothesis import given, settings
from hypothesis import strategies as st


def unit(values):
    return values / values.norm(dim=0)


def by_definition(a, b):
    """Best column, score and way back from all scores at once."""
    scores = (a.double().T @ b.double()).float()
    return scores.argmax(1), scores.max(1).values, scores.argmax(0)


def assert_best(a, b, **arguments):
    index, score, back = by_definition(a, b)
    best = search(a, b, back=True, **arguments)
    assert torch.equal(best.index, index)
    assert torch.equal(best.score, score)
    assert torch.equal(best.back, back)


def cells(kind, channels, count, seed):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(channels, count, generator=generator)
    if kind == "copies":
        return unit(values)[:, torch.randint(count // 3 + 1, (count,), generator=generator)]
    if kind == "coarse":  # a handful of values: many equal scores between unequal cells
        return unit(values.round() + torch.where(values.round().any(0), 0.0, 1.0))
    if kind == "flat":
        return torch.full((channels, count), channels**-0.5)
    if kind == "almost flat":
        return unit(1 + 1e-6 * values)
    if kind == "half flat":
        values[:, : count // 2] = 1
    return unit(values)


def margins_by_definition(a, b, columns, radius):
    scores = (a.double().T @ b.double()).float()
    best, cells = scores.argmax(1)[:, None], torch.arange(b.shape[1])
    down, across = cells // columns - best // columns, cells % columns - best % columns
    inside = torch.maximum(down.abs(), across.abs()) <= radius
    outside = scores.masked_fill(inside, -torch.inf).max(1).values
    return scores.max(1).values - torch.where(outside > -torch.inf, outside, torch.nan)


KINDS = ("random", "copies", "coarse", "flat", "almost flat", "half flat")
searches = given(
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    channels=st.integers(1, 40),
    n=st.integers(1, 150),
    m=st.integers(1, 150),
    block=st.one_of(st.none(), st.integers(1, 160)),
    dtype=st.sampled_from(["auto", "float32", "bfloat16"]),
    seed=st.integers(0, 2**16),
)


@settings(max_examples=80, deadline=None)
@searches
def test_margins_are_those_of_the_definition(kinds, channels, n, m, block, dtype, seed):
    a, b = (
        cells(kind, channels, count, seed + offset)
        for offset, (kind, count) in enumerate(zip(kinds, (n, m), strict=True))
    )
    columns = 1 + seed % m
    rows = -(-m // columns)
    radius = seed % 5
    place = torch.zeros(m, dtype=torch.float64)
    others = Cells(b, torch.arange(m), place, place, (rows, columns))
    seen = []
    visit = (lambda start, block, index: seen.append(block.clone())) if seed % 3 == 0 else None
    best = search(
        a,
        b,
        back=seed % 2 == 0,
        windows=Windows(others, radius),
        visit=visit,
        block=block,
        dtype=dtype,
    )
    margins = margins_by_definition(a, b, columns, radius)
    assert torch.equal(best.margin.nan_to_num(9), margins.nan_to_num(9))
    plain = search(a, b, back=seed % 2 == 0, block=block, dtype=dtype)
    assert torch.equal(best.index, plain.index)
    assert torch.equal(best.score, plain.score)
    assert (best.back is None) == (plain.back is None)
    if best.back is not None:
        assert torch.equal(best.back, plain.back)
    if visit is not None:
        torch.testing.assert_close(torch.cat(seen), a.T @ b, rtol=0, atol=1e-5)


@settings(max_examples=80, deadline=None)
@searches
def test_the_answer_is_that_of_the_definition(kinds, channels, n, m, block, dtype, seed):
    a, b = cells(kinds[0], channels, n, seed), cells(kinds[1], channels, m, seed + 1)
    assert_best(a, b, block=block, dtype=dtype)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_larger_maps_in_several_blocks(kind, dtype):
    assert_best(cells(kind, 64, 1100, 1), cells(kind, 64, 900, 2), block=256, dtype=dtype)


def test_scores_closer_than_float32_products_can_tell():
    """Both columns multiply to the same in float32, in some order of summation."""
    generator = torch.Generator().manual_seed(0)
    a = unit(torch.randn(1000, 50, generator=generator))
    b = a.repeat(1, 4)
    b[:, 50:] += 3e-7 * torch.randn(1000, 150, generator=generator)
    assert_best(a, b)
    assert_best(b, a)


def test_a_visitor_gets_every_block_once():
    a, b = cells("random", 8, 100, 0), cells("random", 8, 70, 1)
    seen = torch.zeros(100, 70)
    best = torch.zeros(100, dtype=torch.int64)

    def visit(start, block, index):
        seen[start : start + len(index)] += block
        best[start : start + len(index)] = index
        block.zero_()

    result = search(a, b, visit=visit, block=33)
    assert torch.allclose(seen, a.T @ b, atol=1e-6)
    assert torch.equal(best, result.index)
    assert torch.equal(result.index, by_definition(a, b)[0])


def test_the_visitor_of_a_bfloat16_search_gets_float32():
    a, b = cells("random", 300, 64, 0), cells("random", 300, 64, 1)
    largest = []
    search(a, b, dtype="bfloat16", visit=lambda _, s, __: largest.append((s - a.T @ b).abs().max()))
    assert max(largest) < 1e-6


def test_a_crowded_block_is_settled_by_the_next_product(monkeypatch):
    """Scoring millions of close pairs one by one would take hours."""
    scored, multiplied = [], []
    pairs, multiply = similarity.pair_scores, Float64.multiply

    def counting(a, b, of_a, of_b):
        scored.append(len(of_b))
        return pairs(a, b, of_a, of_b)

    def noting(self, *arguments):
        multiplied.append(1)
        return multiply(self, *arguments)

    monkeypatch.setattr(similarity, "pair_scores", counting)
    monkeypatch.setattr(Float64, "multiply", noting)
    a, b = cells("flat", 16, 600, 0), cells("flat", 16, 500, 0)
    best = search(a, b, back=True, block=300)
    assert not best.index.any()
    assert not best.back.any()
    assert len(multiplied) == 2
    assert sum(scored) <= 600 + 2 * 500


def test_clear_maps_are_multiplied_once(monkeypatch):
    multiplied = []
    multiply = Float32.multiply

    def noting(self, start, stop, out):
        multiplied.append((start, stop))
        return multiply(self, start, stop, out)

    monkeypatch.setattr(Float32, "multiply", noting)
    monkeypatch.setattr(Float64, "multiply", None)
    a, b = cells("random", 64, 300, 0), cells("random", 64, 300, 1)
    search(a, b, back=True, block=100, dtype="float32")
    assert multiplied == [(0, 100), (100, 200), (200, 300)]


@pytest.mark.parametrize("m", [1, 64, 65, 16_384, 300_000])
def test_default_blocks_are_bounded(m):
    rows = similarity.default_rows(m)
    assert rows >= 64
    assert rows * m <= max(similarity._ELEMENTS[1], 64 * m)


def test_results_are_on_the_processor_in_their_types():
    best = search(cells("random", 4, 9, 0), cells("random", 4, 5, 1), back=True)
    assert best.index.dtype == best.back.dtype == torch.int64
    assert best.score.dtype == torch.float32
    assert search(cells("random", 4, 9, 0), cells("random", 4, 5, 1)).back is None
    assert np.isfinite(best.score.numpy()).all()


def test_a_block_that_takes_more_than_is_free_is_refused(monkeypatch):
    a = torch.nn.functional.normalize(torch.rand(4, 100), dim=0)
    monkeypatch.setattr(memory, "free_memory", lambda device: 4 * 100 * 50)
    search(a, a, block=50)
    with pytest.raises(OutOfMemoryError, match="a block of 100 x 100 similarities") as caught:
        search(a, a, block=1_000_000)
    assert "lower block" in caught.value.hint
