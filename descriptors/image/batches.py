"""Pictures that a network sees, those of one shape together."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from .canvas import Canvas


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as a network sees it, and with how many others it fits into memory.

    `attributes` are those of the root of its feature tree; `drawn` is uint8 (height, width, 3).
    """

    attributes: Mapping[str, Any]
    canvas: Canvas
    drawn: npt.NDArray[np.uint8]
    most: int


def batches(pictures: Iterable[tuple[int, Picture]], window: int) -> Iterator[dict[int, Picture]]:
    """Pictures of one shape by their places, as many at once as fit.

    A batch holds the first picture that waits. It is given when it is whole, or when `window`
    pictures wait and no other can fill it.
    """
    waiting: dict[int, Picture] = {}
    for place, picture in pictures:
        waiting[place] = picture
        while waiting and (
            len(waiting) >= window or len(batch := _first(waiting)) >= waiting[batch[0]].most
        ):
            yield {at: waiting.pop(at) for at in _first(waiting)}
    while waiting:
        yield {at: waiting.pop(at) for at in _first(waiting)}


def _first(waiting: Mapping[int, Picture]) -> list[int]:
    """The places of the first picture and of those that go with it, as many as fit."""
    first = next(iter(waiting.values()))
    alike = (at for at, one in waiting.items() if one.drawn.shape == first.drawn.shape)
    return list(islice(alike, first.most))
