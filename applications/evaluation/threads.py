"""Work done by several threads, with the same results as by one."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let torch multiply on the thread that asks for it, and on no other.

    Sums are taken in another order by another number of threads: with one thread each, results
    don't depend on how many workers there are.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_order_of_completion(
    work: Callable[[T], R], items: Iterable[T], workers: int
) -> Iterator[tuple[T, R]]:
    """Each item with what `work` makes of it, as soon as it is done.

    At most twice as many items as workers are taken ahead. When one fails, or the caller stops,
    what has not begun is dropped.
    """
    if workers == 1:
        for item in items:
            yield item, work(item)
        return
    waiting: dict[Future[R], T] = {}
    with ThreadPoolExecutor(workers) as pool:
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
    """What is done of what is waited for, at least one; removes it."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        yield waiting.pop(future), future.result()
