"""Extraction by two worker processes against one process, with one thread and with all.

SIFT at 768 on JPEG photographs of mixed shapes, each made anew in every round. The process of one
thread is one of the two workers, which does alone what `FeatureStore.extract` does; that with all
threads is this one. The workers start before the clock does. The cores that both ways keep busy
bound the ratio: one process reads, describes and writes at once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from descr.descriptors import SIFT, FeatureStore, on_workers, open_cluster

from ..bench import Bench
from ..results import Row
from .extraction import write_photographs


def extract(folder: Path, batch: Sequence[Path]) -> int:
    """How many photographs were described, in this process."""
    outcomes = FeatureStore(folder, SIFT()).extract(batch, force=True)
    assert all(outcome.error is None for outcome in outcomes)
    return len(outcomes)


def run(bench: Bench, *, images: int = 64, rounds: int = 3) -> Iterator[Row]:
    """One row."""
    if bench.clock != "wall":
        raise SystemExit("error: work of several processes is measured by --clock wall")
    paths = write_photographs(bench.folder, images)
    folders = [bench.folder / name for name in ("two", "one", "all")]
    with open_cluster(workers=2) as client:

        def two() -> None:
            FeatureStore(folders[0], SIFT()).extract(paths, force=True, client=client)

        def one() -> None:
            list(on_workers(client, partial(extract, folders[1]), [paths]))

        def processor_time() -> float:
            return sum(client.run(time.process_time).values())

        def busy(work: Callable[[], None]) -> float:
            before, began = processor_time(), time.perf_counter()
            work()
            return (processor_time() - before) / (time.perf_counter() - began)

        work = {"two": two, "one": one, "all": partial(extract, folders[2], paths)}
        seconds = bench.race(work, rounds=rounds)
        cores = {"cores busy, two": busy(two), "cores busy, one thread": busy(one)}
    values = {"two workers, images/s": images / seconds["two"]}
    values |= {
        f"x one process, {name}": seconds[key] / seconds["two"]
        for key, name in (("one", "one thread"), ("all", "all threads"))
    }
    ratio = seconds["one"] / seconds["two"]
    yield Row(
        f"{images} photographs, SIFT", values | cores, {"at least 1.7 x one thread": ratio >= 1.7}
    )
