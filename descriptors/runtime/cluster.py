"""Work on the worker processes of a dask cluster, here or on other machines."""

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from importlib.util import find_spec
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import psutil
import torch

from ..errors import ClusterError, DescrError, OptionError
from ..settings import check_int
from .quiet import only_errors, without_warnings

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")
R = TypeVar("R")

_MOST_WORKERS = 8
"""Workers by default on a processor: each holds a network of its own."""
_DEATHS = 1
"""Workers of a cluster of ours that a batch may cost before its items are tried one by one."""
_VARIABLES = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    "OPENCV_FOR_THREADS_NUM",
)
_OF_DASK = {
    # Else a worker is given up that is just starting again so long after it, too, died once.
    "distributed.deploy.lost-worker-timeout": "1 day",
    # Else each larger array is new memory of the system: SIFT takes a third longer.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}
_IGNORE = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""Run by workers: Ctrl-C goes to all processes of a terminal, and is for the client to answer."""
_TURN = threading.Lock()  # one batch at a time goes through the network of a worker


@contextmanager
def open_cluster(workers: int | None = None, *, scheduler: str | None = None) -> Iterator["Client"]:
    """A client of dask for `FeatureStore.extract`, `Basis.fit` and `on_workers`.

    Worker processes on this machine share its cores, and its GPUs if there are any; they end with
    the block. A program that starts them guards its own start by `if __name__ == "__main__"`.

    Args:
        workers: How many processes on this machine; by default one for each CUDA device, or else
            one for each core, 8 at most.
        scheduler: The address of a running scheduler instead, as in `tcp://host:8786`.

    Raises:
        OptionError: dask.distributed is not installed, or both arguments are given.
        ClusterError: No scheduler answers, or the workers don't start.
    """
    if find_spec("distributed") is None:
        raise OptionError(
            "worker processes need dask.distributed, which is not installed",
            hint='pip install "descr-sdk[distributed]"',
        )
    if workers is not None and scheduler is not None:
        raise OptionError(
            "workers and a scheduler exclude each other: it has workers of its own",
            hint="leave out one of them",
        )
    places = environments(workers) if scheduler is None else []
    import distributed

    cluster = nullcontext(scheduler) if scheduler else _local(places)
    with only_errors(logging.getLogger("distributed"), logging.CRITICAL), cluster as address:
        try:
            client = distributed.Client(address, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"no dask scheduler answers at {scheduler}: {error}",
                hint="start one with `dask scheduler`, which says its address",
            ) from error
        with client:
            yield client


def environments(workers: int | None) -> list[dict[str, str]]:
    """The variables of each worker process of this machine: its threads, and its CUDA device."""
    count = torch.cuda.device_count()
    own = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = own.split(",")[:count] if own else [str(place) for place in range(count)]
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    if workers is None:
        physical = min(cores, psutil.cpu_count(logical=False) or cores)
        workers = len(devices) or min(physical, _MOST_WORKERS)
    check_int("workers", workers, minimum=1)
    threads = dict.fromkeys(_VARIABLES, str(max(1, cores // workers)))
    if not devices:
        return [threads for _ in range(workers)]
    return [
        {**threads, "CUDA_VISIBLE_DEVICES": devices[place % len(devices)]}
        for place in range(workers)
    ]


@contextmanager
def _local(places: Sequence[dict[str, str]]) -> Iterator[Any]:
    """A cluster of this machine with a worker for each of these environments."""
    import dask
    from distributed import Nanny, Scheduler, SpecCluster
    from distributed.gc import disable_gc_diagnosis

    # dask would end a worker by its share of the memory, in which it counts mapped weights.
    options = {"nthreads": 1, "memory_limit": 0, "dashboard": False, "preload": [_IGNORE]}
    options["silence_logs"] = logging.CRITICAL
    spec = {
        place: {"cls": Nanny, "options": {**options, "env": variables}}
        for place, variables in enumerate(places)
    }
    of_scheduler = {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0"}
    scheduler = {"cls": Scheduler, "options": {**of_scheduler, "allowed_failures": _DEATHS}}
    with dask.config.set(_OF_DASK):
        try:
            cluster = SpecCluster(workers=spec, scheduler=scheduler, silence_logs=logging.CRITICAL)
        except (OSError, RuntimeError) as error:
            raise ClusterError(f"the workers don't start: {error}") from error
        # Python drops an interrupt that comes while this watches the garbage collector.
        disable_gc_diagnosis()
        with cluster:
            yield cluster


def on_workers(
    client: "Client", work: Callable[[Sequence[T]], R], batches: Iterable[Sequence[T]]
) -> Generator[tuple[Sequence[T], R | ClusterError]]:
    """Each batch with what `work` makes of it on a worker of a dask client, as it is done.

    `work` goes to each worker once, and batches are taken as workers get free. A descriptor goes as
    its settings. A batch whose worker dies is begun anew on another; one that costs several workers
    is split in the end, and of an item that costs several alone there is a `ClusterError` in the
    place of the result.

    Raises:
        ClusterError: The scheduler is gone, or a worker lacks the code of what is sent.
        DescrError: What `work` raises, with the address of the worker.
    """
    import cloudpickle
    from distributed import KilledWorker

    done: SimpleQueue[Future[R]] = SimpleQueue()
    running: dict[Future[R], Sequence[T]] = {}
    suspects: deque[Sequence[T]] = deque()
    alone = False

    def send(function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        # dask warns of large arguments; but what is scattered is lost with the worker that has it.
        with without_warnings(), _connected():
            return client.submit(function, *arguments, pure=False)

    def submit(batch: Sequence[T]) -> None:
        future = send(_run, payload, cloudpickle.dumps(batch))
        running[future] = batch
        future.add_done_callback(done.put)

    def result() -> Iterator[tuple[Sequence[T], R | ClusterError]]:
        future = done.get()
        batch = running.pop(future)
        with _connected():
            error = None if future.status == "finished" else future.exception()
            if isinstance(error, CancelledError):
                raise error
        if error is None:
            yield batch, future.result()
        elif isinstance(error, ImportError):
            raise ClusterError(
                f"a worker can't import what it needs: {error}",
                hint="install the same packages on all machines",
            ) from error
        elif not isinstance(error, KilledWorker):
            raise error
        elif alone:
            yield batch, ClusterError("each worker that was given it died")
        else:
            suspects.extend(batch[place : place + 1] for place in range(len(batch)))

    with _sent_along():
        # A task, whose result dask brings to each worker once and makes again where it is lost.
        payload = send(bytes, cloudpickle.dumps(work))
        try:
            for batch in batches:
                submit(batch)
                while len(running) >= 2 * count_workers(client):
                    yield from result()
            while running:
                yield from result()
            # One at a time, so that none is blamed for the death of another.
            alone = True
            for batch in suspects:
                submit(batch)
                yield from result()
        finally:
            # What has not begun is dropped.
            for future in (*running, payload):
                future.release()


def count_workers(client: "Client") -> int:
    """How many batches the workers of a client take at once, at least 1."""
    with _connected():
        threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))


def batch_length(client: "Client", items: int) -> int:
    """How many of so many items go to a worker at once: each gets four batches, or single items."""
    return max(1, items // (4 * count_workers(client)))


def _run(payload: bytes, batch: bytes) -> Any:
    """What the pickled work makes of a pickled batch, on a worker."""
    import cloudpickle
    from distributed import get_worker

    try:
        with _TURN:
            return _load(payload)(cloudpickle.loads(batch))
    except DescrError as error:
        error.message += f" (on the worker {get_worker().address})"
        error.args = (error.message,)
        raise


@lru_cache(maxsize=2)
def _load(payload: bytes) -> Any:
    """The work, once for each worker process, and so its networks."""
    import cloudpickle

    if threads := os.environ.get("OMP_NUM_THREADS"):
        # The user's program may have imported torch before the worker knew the number.
        torch.set_num_threads(int(threads))
    return cloudpickle.loads(payload)


@contextmanager
def _sent_along() -> Iterator[None]:
    """Send the code of modules that only this process finds, those of its working folder."""
    import cloudpickle

    folder = f"{os.getcwd()}{os.sep}"
    # That of the program goes along in any case.
    others = {"__main__", *cloudpickle.list_registry_pickle_by_value()}
    inside = {
        module.__name__: module
        for module in sys.modules.values()
        if str(getattr(getattr(module, "__spec__", None), "origin", None)).startswith(folder)
        and module.__name__ not in others
    }
    tops = {name.partition(".")[0] for name in inside}
    unknown = {top for top in tops if not any(one.find_spec(top, None) for one in sys.meta_path)}
    modules = [one for name, one in inside.items() if name.partition(".")[0] in unknown]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


@contextmanager
def _connected() -> Iterator[None]:
    """Turn what dask raises where its scheduler is gone into a `ClusterError`."""
    try:
        yield
    except Exception as error:  # each part of dask raises its own kind
        raise ClusterError(
            f"the dask scheduler is gone: {error}",
            hint="what was done is kept: start again to go on",
        ) from error
