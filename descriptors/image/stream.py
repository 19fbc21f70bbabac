"""Images on their way to a network: read in threads ahead of it, those of one shape together."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import DescrError, OutOfMemoryError
from .canvas import Canvas

T = TypeVar("T")
R = TypeVar("R")

_THREADS = min(8, os.cpu_count() or 1)  # more decode no faster than a network takes


def attempt(work: Callable[[T], R], item: T) -> R | DescrError:
    """What `work` makes of an item; or the error that a user can mend, memory that ran out too."""
    try:
        return work(item)
    except DescrError as error:
        return error
    except MemoryError:
        return OutOfMemoryError("there is not enough memory", hint="scale the image down first")


def read_ahead(
    items: Iterable[T], work: Callable[[T], R], *, ahead: int
) -> Iterator[R | DescrError]:
    """What `work` makes of each item, or the `DescrError` that it raises, in order.

    Items are taken in the thread of the caller, at most `ahead` of them before they are asked for.
    Other errors are raised when the turn of their item comes.
    """
    running: deque[Future[R | DescrError]] = deque()
    pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="descr-read")
    try:
        for item in items:
            running.append(pool.submit(attempt, work, item))
            if len(running) > ahead:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        # Not waited for: the garbage collector may end this, in the middle of the start of another
        # thread, which has the lock that a wait needs.
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as a network sees it, and with how many others it fits into memory.

    `attributes` are those of the root of its feature tree; `pixels` is uint8 (height, width, 3).
    """

    attributes: Mapping[str, Any]
    canvas: Canvas
    pixels: npt.NDArray[np.uint8]
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
    alike = (at for at, one in waiting.items() if one.pixels.shape == first.pixels.shape)
    return list(islice(alike, first.most))
