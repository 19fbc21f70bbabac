"""Work on images that goes on in threads, ahead of who takes it."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ..errors import DescrError, OutOfMemoryError

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
    with ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="descr-read") as pool:
        try:
            for item in items:
                running.append(pool.submit(attempt, work, item))
                if len(running) > ahead:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
