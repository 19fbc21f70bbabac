"""Work done by several threads, with the same results as by one."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Barrier
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def in_order_of_completion(
    work: Callable[[T], R], items: Iterable[T], workers: int
) -> Generator[tuple[T, R]]:
    """Each item with what `work` makes of it in a worker's thread, as soon as it is done.

    At most twice as many items as workers are taken ahead. When one fails, or the caller stops,
    what has not begun is dropped. Torch multiplies on the worker's thread alone: sums are taken in
    another order by another number of threads.
    """
    waiting: dict[Future[R], T] = {}
    default, begun = torch.get_num_threads(), Barrier(workers + 1)

    def begin() -> None:
        # A thread takes over the default when it first asks, and has a number of its own after.
        torch.get_num_threads()
        torch.set_num_threads(1)
        begun.wait()

    with ThreadPoolExecutor(workers) as pool:
        try:
            for _ in range(workers):
                pool.submit(begin)
            begun.wait()
        finally:
            begun.abort()
            # The last number that any thread sets is the default of those to come.
            torch.set_num_threads(default)
        try:
            for item in items:
                waiting[pool.submit(work, item)] = item
                if len(waiting) == 2 * workers:
                    yield from _done(waiting)
            while waiting:
                yield from _done(waiting)
        finally:
            for left in waiting:
                left.cancel()


def _done(waiting: dict[Future[R], T]) -> Iterator[tuple[T, R]]:
    """What is done of what is waited for, at least one, failures last; removes it."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in sorted(done, key=lambda future: future.exception() is not None):
        yield waiting.pop(future), future.result()
