"""Threads and processes of a run: what they do, what they keep, how they tell how far they are."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import torch

from ....descriptors.errors import ClusterError
from ....descriptors.runtime.cluster import batch_length, on_workers
from ....descriptors.store.workers import check_mark, marked

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
R = TypeVar("R")

_SHARE = 32  # items that a worker process gets at once

Advance: TypeAlias = Callable[[str], None]
"""Called with the name of each step."""

Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Advance]]
"""Called with the name of a stage and its number of steps; what it gives is entered while the stage
lasts, and hands out what is to be called at each step."""


@contextmanager
def silent(stage: str, steps: int) -> Iterator[Advance]:
    """Shows nothing."""
    yield ignore


def ignore(name: str) -> None:
    """Takes no notice of a step."""


def in_order_of_completion(
    work: Callable[[T], R], items: Iterable[T], workers: int
) -> Generator[tuple[T, R]]:
    """Each item with what `work` makes of it in a worker's thread, as soon as it is done.

    At most twice as many items as workers are taken ahead. When one fails, or the caller stops,
    what has not begun is dropped. Torch multiplies on the worker's thread alone: sums are taken in
    another order by another number of threads.
    """
    futures: dict[Future[R], T] = {}
    default, begun = torch.get_num_threads(), threading.Barrier(workers + 1)

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
                futures[pool.submit(work, item)] = item
                if len(futures) == 2 * workers:
                    yield from _next_results(futures)
            while futures:
                yield from _next_results(futures)
        finally:
            for future in futures:
                future.cancel()


def _next_results(futures: dict[Future[R], T]) -> Iterator[tuple[T, R]]:
    """The results that are there, at least one, failures last; removes them from the futures."""
    done, _ = wait(futures, return_when=FIRST_COMPLETED)
    for future in sorted(done, key=lambda future: future.exception() is not None):
        yield futures.pop(future), future.result()


def on_processes(
    client: "Client", work: Callable[[T], R], items: Sequence[T], folder: Path
) -> Generator[tuple[T, R]]:
    """Each item with what `work` makes of it on a worker of a dask client, as soon as it is done.

    `work` reads what is in `folder`, which workers share with this process. Torch multiplies on one
    thread, as in `in_order_of_completion`. Raises `ClusterError` for another folder there, and for
    an item that costs several workers.
    """
    share = min(_SHARE, batch_length(client, len(items)))
    batches = (items[first : first + share] for first in range(0, len(items), share))
    with marked(folder, needed=True) as mark:
        of_batch = partial(_each, work, folder, mark)
        with closing(on_workers(client, of_batch, batches)) as results:
            for batch, result in results:
                if isinstance(result, ClusterError):
                    raise result
                yield from zip(batch, result, strict=True)


def _each(work: Callable[[T], R], folder: Path, mark: str, items: Sequence[T]) -> list[R]:
    """What a worker does with the items that it gets."""
    check_mark(folder, mark)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [work(item) for item in items]
    finally:
        torch.set_num_threads(threads)


class Cache(Generic[T]):
    """Values by key, the least recently used dropped first; several threads may ask at once.

    They take at most `most` bytes together, by `size`; the last one is kept in any case.
    """

    def __init__(self, most: int, size: Callable[[T], int]) -> None:
        self.most = most
        self.taken = 0
        self._size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()
        # Never dropped: whoever waits at the lock of a key must not meet another one's.
        self._makers: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of this key; `make` is called for one that isn't there, by one thread."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            maker = self._makers.setdefault(key, threading.Lock())
        with maker:
            with self._lock:
                if key in self._values:
                    return self._values[key]
            value = make()
            with self._lock:
                self._values[key] = value
                self.taken += self._size(value)
                while self.taken > self.most and len(self._values) > 1:
                    _, oldest = self._values.popitem(last=False)
                    self.taken -= self._size(oldest)
        return value
