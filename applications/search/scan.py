"""The best cosine of each vector of a query among the vectors of each image, a block at a time."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

_BLOCK = 1 << 13
"""Vectors that are multiplied at once, about: as floats they stay in the processor's cache."""

Counts = npt.NDArray[np.int64]


class Vectors(NamedTuple):
    """Vectors of 8 bits, and what scales each of them to length 1.

    Args:
        values: int8 (vector, channel).
        scales: float32 (vector,).
    """

    values: torch.Tensor
    scales: torch.Tensor

    @classmethod
    def of(cls, values: torch.Tensor) -> "Vectors":
        """Those that int8 (vector, channel) holds: vectors without any length stay so."""
        squares = values.float().square_().sum(dim=1)
        return cls(values, torch.where(squares > 0, squares.rsqrt(), 0))

    def part(self, start: int, stop: int) -> "Vectors":
        """Those from one place to before another."""
        return Vectors(self.values[start:stop], self.scales[start:stop])

    def cosines(self, query: torch.Tensor) -> torch.Tensor:
        """float32 (query, vector), with a query (query, channel) of unit length."""
        return (query @ self.values.float().T).mul_(self.scales)


def best_scores(
    parts: Iterable[tuple[Vectors, Counts]], query: torch.Tensor
) -> Iterator[torch.Tensor]:
    """The best cosine of each vector of the query in each image, float32 (query, image) by parts.

    Args:
        parts: The vectors of some images, one image after the other, and how many each image has,
            at least 1.
        query: float32 (query, channel) of unit length.
    """
    # Used again: what is freed would leave holes in the memory, between what stays.
    floats, cosines = torch.empty(0, query.shape[1]), torch.empty(0)
    for vectors, counts in parts:
        best = torch.empty(len(query), len(counts))
        start = 0
        for first, last in _blocks(counts):
            stop = start + (last - first) * int(counts[first])
            values, scales = vectors.part(start, stop)
            if len(floats) < len(values):
                floats, cosines = torch.empty(values.shape), torch.empty(len(query) * len(values))
            block = floats[: len(values)].copy_(values)
            products = cosines[: len(query) * len(values)].view(len(query), -1)
            torch.mm(query, block.T, out=products).mul_(scales)
            best[:, first:last] = products.view(len(query), last - first, -1).amax(dim=2)
            start = stop
        yield best


def best_places(vectors: Vectors, query: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The best cosine (query,) of each vector of the query in one image, and where (query,) it is.

    The first place where cosines are equal.
    """
    cosines = vectors.cosines(query)
    # NumPy takes a tenth of the time that torch takes for the place of a maximum.
    places = torch.from_numpy(cosines.numpy().argmax(axis=1))
    return cosines.gather(1, places[:, None])[:, 0], places


def _blocks(counts: Counts) -> Iterator[tuple[int, int]]:
    """First and last of images of equal counts, that are multiplied together."""
    changes = np.flatnonzero(np.diff(counts)) + 1
    for start, stop in zip([0, *changes], [*changes, len(counts)], strict=True):
        step = max(1, _BLOCK // int(counts[start]))
        for first in range(int(start), int(stop), step):
            yield first, min(first + step, int(stop))
