"""How exact a product of unit vectors is, and the score that every path must agree on.

The score of a pair of cells is their dot product in float64 rounded to float32. Products in
float32 or bfloat16 only look for it: each states how far its values may lie from the scores, so
that the search knows which of them are too close to call.
"""

import math
from typing import Protocol

import torch

from ..descriptors.features.grids import double

_UNIT_ROUNDOFF = {torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8}
_LENGTH = 1.001  # upper bound of the length of a cell: maps are of unit length up to 1e-4
_PAIRS, _CHANNELS = 1 << 12, 1 << 8
"""Pairs and channels that `pair_scores` holds in float64 at once."""
_STRIP = 1 << 21
"""Numbers of the second map and of the product that `Float64` holds in float64 at once."""


class Product(Protocol):
    """One way to multiply columns of `a` with all columns of `b`."""

    def multiply(self, start: int, stop: int, out: torch.Tensor) -> float:
        """Fill `out` (stop - start, m) with cosines; return how far they may be from the scores."""


class Float32:
    """Products in float32, straight from the two maps."""

    def __init__(self, a: torch.Tensor, b: torch.Tensor) -> None:
        self.a, self.b = a, b
        self.error = _accumulated(a) + _reduced_input()

    def multiply(self, start: int, stop: int, out: torch.Tensor) -> float:
        """Fill `out` with the product; the error bound holds for any order of summation."""
        torch.mm(self.a[:, start:stop].T, self.b, out=out)
        return self.error


class BFloat16:
    """Products in bfloat16; holds the second map in bfloat16 besides."""

    def __init__(self, a: torch.Tensor, b: torch.Tensor) -> None:
        self.a, self.b = a, b.bfloat16()
        self.residual = _residual(b, self.b)

    def multiply(self, start: int, stop: int, out: torch.Tensor) -> float:
        """Fill `out` with the product; the error bound is that of the rounding that happened."""
        exact = self.a[:, start:stop]
        rounded = exact.bfloat16()
        # Cell by cell in memory: with columns the product would take twice the time.
        out.copy_(torch.mm(rounded.T.contiguous(), self.b))
        of_input = (_residual(exact, rounded) + self.residual) * _LENGTH * 1.01
        return of_input + _accumulated(exact) + _UNIT_ROUNDOFF[torch.bfloat16] * _LENGTH**2 * 1.01


class Float64:
    """The scores themselves: products in float64, rounded to float32."""

    def __init__(self, a: torch.Tensor, b: torch.Tensor) -> None:
        self.a, self.b = a, b

    def multiply(self, start: int, stop: int, out: torch.Tensor) -> float:
        """Fill `out` with the scores, a strip of the second map at a time."""
        left = double(self.a[:, start:stop]).T
        width = max(1, _STRIP // max(left.shape))
        product = left.new_empty(len(left), min(width, self.b.shape[1]))
        for first in range(0, self.b.shape[1], width):
            right = double(self.b[:, first : first + width])
            torch.mm(left, right, out=product[:, : right.shape[1]])
            out[:, first : first + width].copy_(product[:, : right.shape[1]])
        return 0.0


def pair_scores(
    a: torch.Tensor, b: torch.Tensor, of_a: torch.Tensor | None, of_b: torch.Tensor
) -> torch.Tensor:
    """The scores (pair,) of columns `of_a` of `a`, or all, with columns `of_b` of `b`, float32."""
    scores = torch.empty(len(of_b), dtype=torch.float32, device=a.device)
    # In strips that stay in the processor's cache, of the same channels for any number of pairs:
    # a pair has one score, however many are scored with it.
    for first in range(0, len(of_b), _PAIRS):
        pairs = slice(first, first + _PAIRS)
        total = double(scores.new_zeros(len(of_b[pairs])))
        for channel in range(0, a.shape[0], _CHANNELS):
            strip = slice(channel, channel + _CHANNELS)
            of_pairs = a[strip, pairs] if of_a is None else a[strip].index_select(1, of_a[pairs])
            products = double(of_pairs)
            products *= double(b[strip].index_select(1, of_b[pairs]))
            total += products.sum(0)
        scores[pairs] = total.to(a.device, torch.float32)
    return scores


def ladder(a: torch.Tensor, b: torch.Tensor, dtype: str) -> list[Product]:
    """The products to try in turn, fast ones first, exact scores last.

    `dtype` is "float32", "bfloat16" or "auto" for float32. On other devices than the CPU all are
    float32: their sums of bfloat16 have no bound that could be stated.
    """
    products: list[Product] = [Float32(a, b), Float64(a, b)]
    if dtype == "bfloat16" and a.device.type == "cpu":
        return [BFloat16(a, b), *products]
    return products


def _accumulated(a: torch.Tensor) -> float:
    """Bound of the rounding errors of a float32 dot product, in any order of summation.

    Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.1: gamma_n times the
    lengths. The terms on top are the rounding of the score itself and of the thresholds.
    """
    steps = (a.shape[0] + 6) * _UNIT_ROUNDOFF[torch.float32]
    return steps / (1 - steps) * _LENGTH**2


def _residual(exact: torch.Tensor, rounded: torch.Tensor) -> float:
    """The longest difference between a column and its rounded form."""
    longest = 0.0
    for first in range(0, exact.shape[1], 1024):
        strip = slice(first, first + 1024)
        # Sums of squares: along columns, torch's norms take several times as long.
        difference = exact[:, strip] - rounded[:, strip]
        longest = max(longest, float(difference.square_().sum(0).max()))
    return math.sqrt(longest)


def _reduced_input() -> float:
    """What float32 products lose where torch was told to round their input (TF32, bfloat16)."""
    mkldnn = getattr(torch.backends.mkldnn, "matmul", None)
    backends = (torch.backends, torch.backends.cuda.matmul, mkldnn)
    precisions = {getattr(backend, "fp32_precision", "none") for backend in backends}
    try:
        precisions.add({"highest": "ieee"}.get(torch.get_float32_matmul_precision(), "reduced"))
    except RuntimeError:  # set through both of torch's interfaces, which then disagree
        precisions.add("reduced")
    reduced = not precisions <= {"none", "ieee"}
    return 3 * _UNIT_ROUNDOFF[torch.bfloat16] * _LENGTH**2 if reduced else 0.0
