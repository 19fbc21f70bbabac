"""The one blockwise search: for each cell the best of the other map, and back, in one pass.

The matrix of all similarities is never held. A block of rows is multiplied at a time, and reduced
to the maxima of short runs of neighbours; the runs that could hold a best value are then looked at
cell by cell. Maxima are many times cheaper than finding their places, so that the search costs
little more than the product.

The answer depends neither on the size of the blocks nor on the precision of the product: it is the
cell of the highest score (see `precision`), the first of them where scores are equal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch

from ..descriptors.runtime.memory import check_fits
from .precision import Product, ladder, pair_scores
from .windows import Windows

Visit: TypeAlias = Callable[[int, torch.Tensor, torch.Tensor], None]

_ELEMENTS = (1 << 22, 1 << 24)
"""Similarities of a block: as a rule, and at most if that leaves few rows."""
_ROWS = (64, 512)  # rows of a block: at least, and enough for a fast product
_ROW_RUN = 64  # neighbours along a row that share one maximum
_COLUMN_RUN = 32  # neighbours along a column that share one maximum
_BELOW_ALL = -2.0  # less than any cosine, and more than no cosine
_PAIR_COST = 100
"""How many times more a single score costs than one in a product of the whole block."""


@dataclass(frozen=True, eq=False)
class Best:
    """The best partner of each query.

    Args:
        index: int64 (query,), the best column of the other map.
        score: float32 (query,), its cosine.
        back: int64 (column,), the best query of each column of the other map; None unless asked
            for.
        margin: float32 (query,), its cosine less that of the best column outside the window of the
            best one, NaN where there is none; None unless asked for.
    """

    index: torch.Tensor
    score: torch.Tensor
    back: torch.Tensor | None = None
    margin: torch.Tensor | None = None


def search(
    a: torch.Tensor,
    b: torch.Tensor,
    *,
    back: bool = False,
    visit: Visit | None = None,
    windows: Windows | None = None,
    dtype: str = "auto",
    block: int | None = None,
) -> Best:
    """The best column of `b` for each column of `a`, by cosine.

    Args:
        a, b: float32 (channel, n) and (channel, m), n and m at least 1, columns of unit length up
            to 1e-4, on one device.
        back: Whether to find the best column of `a` for each column of `b` in the same pass.
        visit: Called for each block as `visit(start, similarity, index)`, with the first row, the
            similarities (rows, m) of the block in float32, and the best columns (rows,). The block
            is used again for the next rows: the visitor may change it and must not keep it. With a
            visitor the product is in float32.
        windows: Those of the columns of `b`, to find margins in the same pass.
        dtype: "float32", "bfloat16" or "auto" (see `precision.ladder`). The answer is the same.
        block: Columns of `a` that are multiplied at once; by default as many as give a fast product
            that stays in the processor's cache. The answer is the same.

    Returns:
        Best: On the processor. Where scores are equal, the first column.
    """
    n, m = a.shape[1], b.shape[1]
    rows = min(n, block if block is not None else default_rows(m))
    if block is not None:
        what, hint = (
            f"a block of {rows} x {m} similarities",
            "lower block (--matcher-set block=...)",
        )
        check_fits(4 * rows * m, what, hint, a.device)
    products = ladder(a, b, "float32" if visit is not None else dtype)
    columns = _Columns(a, b) if back else None
    height = rows if columns is None else _round_up(rows, _COLUMN_RUN)
    similarity = a.new_empty(height, _round_up(m, _ROW_RUN))
    similarity[:, m:] = -torch.inf
    index = torch.empty(n, dtype=torch.int64, device=a.device)
    outside = None if windows is None else torch.empty_like(index)
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        similarity[stop - start :] = -torch.inf
        best, rival = _search_block(products, a, b, start, stop, similarity, columns, windows)
        index[start:stop] = best
        if outside is not None and rival is not None:
            outside[start:stop] = rival
        if visit is not None:
            visit(start, similarity[: stop - start, :m], index[start:stop])
    scores = pair_scores(a, b, None, index)
    margin = None
    if outside is not None:
        margin = scores - pair_scores(a, b, None, outside.clamp(min=0))
        margin = margin.masked_fill_(outside < 0, torch.nan).cpu()
    back_index = columns.index.cpu() if columns is not None else None
    return Best(index.cpu(), scores.cpu(), back_index, margin)


def _search_block(
    products: list[Product],
    a: torch.Tensor,
    b: torch.Tensor,
    start: int,
    stop: int,
    similarity: torch.Tensor,
    columns: "_Columns | None",
    windows: Windows | None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The best columns of the rows of one block, and those outside their windows, -1 for none.

    Brings `columns` up to date.

    Takes the first product that leaves few enough pairs to be scored one by one; the last one
    leaves none.
    """
    count, m = stop - start, b.shape[1]
    index: torch.Tensor | None = None
    taken = columns is None
    for product in products:
        error = product.multiply(start, stop, similarity[:count, :m])
        if index is None:
            runs = similarity[:count].view(count, -1, _ROW_RUN)
            best = _winners(runs, runs.amax(2), a[:, start:stop], b, error)
            index = None if best is None else best.index
        if index is None:
            continue
        taken = taken or (columns is not None and columns.take(similarity, start, stop, error))
        if not taken:
            continue
        if windows is None:
            return index, None
        rivals = _rivals(similarity[:count], index, windows, a[:, start:stop], b, error)
        if rivals is not None:
            return index, rivals.index.masked_fill(rivals.value == -torch.inf, -1)
    raise AssertionError("the last product is exact")


@dataclass(eq=False)
class _Winners:
    """The best partner of each query within a block: its place, its value and how wrong that is.

    A query without a partner that could matter has the value -inf.
    """

    index: torch.Tensor
    value: torch.Tensor
    error: torch.Tensor


def _winners(
    runs: torch.Tensor,
    maxima: torch.Tensor,
    queries: torch.Tensor,
    others: torch.Tensor,
    error: float,
    floor: torch.Tensor | None = None,
) -> _Winners | None:
    """The best of `others` for each of `queries`; None if too many pairs are too close to call.

    Args:
        runs: (query, run, place in the run), at least as many as there are queries and others;
            values of places beyond the others are -inf.
        maxima: The maximum of each run (query, run).
        queries, others: The columns (channel, query) and (channel, other) that were multiplied.
        error: How far the values may be from the scores; 0 if they are the scores.
        floor: Partners whose score lies below it (query,) don't matter.
    """
    count, length = queries.shape[1], runs.shape[2]
    value, run = maxima.max(1)
    if error == 0:
        place = runs[torch.arange(count, device=runs.device), run].argmax(1)
        return _Winners(run * length + place, value, torch.zeros_like(value))
    limit = value - 2 * error
    if floor is not None:
        limit = torch.maximum(limit, floor - error)
    query, run = (maxima >= limit[:, None]).nonzero().unbind(1)
    cells = count * others.shape[1]
    if len(query) * length > max(2 * count * length, cells // 2):
        return None
    which, place = (runs[query, run] >= limit[query, None]).nonzero().unbind(1)
    query, other = query[which], run[which] * length + place
    rivals = torch.bincount(query, minlength=count)
    close = rivals[query] > 1
    index = torch.zeros(count, dtype=torch.int64, device=runs.device)
    index[query] = other
    errors = torch.full_like(value, error)
    value[rivals == 0] = -torch.inf
    query, other = query[close], other[close]
    if len(query) > max(count, cells // _PAIR_COST):
        return None
    if len(query):
        scores = pair_scores(queries, others, query, other)
        value[query] = -torch.inf
        value.scatter_reduce_(0, query, scores, "amax")
        first = scores == value[query]
        index[query] = others.shape[1]
        index.scatter_reduce_(0, query[first], other[first], "amin")
        errors[query] = 0.0
    return _Winners(index, value, errors)


def _rivals(
    similarity: torch.Tensor,
    index: torch.Tensor,
    windows: Windows,
    queries: torch.Tensor,
    others: torch.Tensor,
    error: float,
) -> _Winners | None:
    """The best of `others` outside the window of the best, `index`, likewise.

    `similarity` (query, other) is left as it was.
    """
    places = windows.around(index)
    places = torch.where(places < 0, index[:, None], places)
    inside = similarity.gather(1, places)
    similarity.scatter_(1, places, -torch.inf)
    runs = similarity.view(len(index), -1, _ROW_RUN)
    lowest = similarity.new_full((len(index),), _BELOW_ALL)
    rivals = _winners(runs, runs.amax(2), queries, others, error, lowest)
    similarity.scatter_(1, places, inside)
    return rivals


class _Columns:
    """The best row of each column so far, brought up to date block by block.

    Values stay those of the product, with their error, until a comparison needs the scores.
    """

    def __init__(self, a: torch.Tensor, b: torch.Tensor) -> None:
        self.a, self.b = a, b
        m = b.shape[1]
        self.index = torch.zeros(m, dtype=torch.int64, device=a.device)
        self.value = torch.full((m,), -torch.inf, device=a.device)
        self.error = torch.zeros(m, device=a.device)

    def take(self, similarity: torch.Tensor, start: int, stop: int, error: float) -> bool:
        """Take a block in; False, with nothing changed, if too many pairs are too close to call."""
        runs = similarity.view(-1, _COLUMN_RUN, similarity.shape[1])
        maxima = runs.amax(1)[:, : len(self.index)].T
        floor = self.value - self.error
        winners = _winners(
            runs.permute(2, 0, 1), maxima, self.b, self.a[:, start:stop], error, floor
        )
        if winners is None:
            return False
        winners.index += start
        better = winners.value - winners.error > self.value + self.error
        open_ = ~better & (winners.value + winners.error >= self.value - self.error)
        unsure = (open_ & (winners.value > -torch.inf)).nonzero().squeeze(1)
        if len(unsure):
            held = pair_scores(self.a, self.b, self.index[unsure], unsure)
            scores = pair_scores(self.a, self.b, winners.index[unsure], unsure)
            self.value[unsure], self.error[unsure] = held, 0.0
            winners.value[unsure], winners.error[unsure] = scores, 0.0
            better[unsure] = scores > held
        self.index = torch.where(better, winners.index, self.index)
        self.value = torch.where(better, winners.value, self.value)
        self.error = torch.where(better, winners.error, self.error)
        return True


def default_rows(m: int) -> int:
    """How many rows of `m` similarities are multiplied at once by default."""
    return max(_ROWS[0], min(_ROWS[1], _ELEMENTS[1] // m), _ELEMENTS[0] // m)


def _round_up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
