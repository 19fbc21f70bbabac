"""All cells of two maps, nearest and mutual, against the bare product of the two.

The floor is the float32 product of all cells with all cells, made in the same blocks, its result
thrown away: nothing that compares every pair can be faster in float32. Peers answer less: faiss
one way, `torch.cdist` with distances alone. `--set most=3600`
leaves out the larger maps, `--set hard=1` adds maps whose cells are alike.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from descr.descriptors import FeatureMap
from descr.descriptors.runtime.devices import computes_natively
from descr.matchers import Matcher, MutualNearestNeighbor, NearestNeighbor, SoftArgmax
from descr.matchers.similarity import default_rows

from ..bench import Bench, in_a_process, peak_memory
from ..maps import random_map
from ..results import Row, at_most, to_floor

SIZES = ((60, 60, 1536), (128, 128, 1536))
HARD = ("alike", "flat", "almost flat", "half flat")
MATCHERS: dict[str, Matcher] = {
    "nearest": NearestNeighbor(),
    "mutual": MutualNearestNeighbor(),
    "soft-argmax": SoftArgmax(),
    "soft-argmax, whole grid": SoftArgmax(window=None),
    "nearest, bfloat16": NearestNeighbor(dtype="bfloat16"),
    "mutual, bfloat16": MutualNearestNeighbor(dtype="bfloat16"),
}
MOST = {"mutual": 1.1, "mutual, bfloat16": 0.5}
MEGABYTES = 700.0
"""The most memory that a match of the larger maps may take above the maps."""


def run(bench: Bench, *, rounds: int = 3, most: int = 16_384, hard: int = 0) -> Iterator[Row]:
    """A row for each size and matcher, and one for the memory of the larger size."""
    native = bench.on_gpu or computes_natively(torch.bfloat16)
    if bench.on_gpu or not native:
        bench.skip("candidates in bfloat16", "the CPU alone, where it has instructions for it")
    sizes = [size for size in SIZES if size[0] * size[1] <= most]
    for rows, columns, channels in sizes:
        size = f"{rows * columns:,} cells"
        a, b = (random_map(rows, columns, channels, seed, device=bench.device) for seed in (1, 2))
        work = {"floor": bare_product(a, b)}
        for name, matcher in MATCHERS.items():
            if "bfloat16" not in name or (native and not bench.on_gpu):
                work[name] = lambda matcher=matcher, a=a, b=b: matcher(a, b)
        others = peers(bench, a, b)
        taken = bench.race(work | others, rounds=rounds)
        for name in list(work)[1:]:
            rivals = ("floor", *(others if name == "mutual" else ()))
            times = {"value": taken[name], **{rival: taken[rival] for rival in rivals}}
            yield to_floor(f"{size}, {name}", times, most=MOST.get(name))
    if not bench.on_gpu and SIZES[-1] in sizes:
        for name in ("nearest", "mutual", "soft-argmax", "soft-argmax, whole grid"):
            megabytes = in_a_process(memory, SIZES[-1], name) / 1e6
            yield at_most(f"memory of {size}, {name}", "MB above the maps", megabytes, MEGABYTES)
    for kind in HARD if hard else ():
        a, b = (random_map(75, 80, 128, seed, kind=kind, device=bench.device) for seed in (1, 2))
        for name in ("nearest", "mutual"):
            work = {
                "value": lambda n=name, a=a, b=b: MATCHERS[n](a, b),
                "floor": bare_product(a, b),
            }
            yield to_floor(f"6,000 cells of 128, {kind}, {name}", bench.race(work, rounds=rounds))


def bare_product(source: FeatureMap, target: FeatureMap) -> Callable[[], None]:
    """The float32 product of the two maps in blocks, whose result is thrown away."""
    a, b = (fmap.features.flatten(1) for fmap in (source, target))
    n, m = a.shape[1], b.shape[1]
    rows = min(n, default_rows(m))
    block = torch.empty(rows, m, device=a.device)

    def product() -> None:
        for start in range(0, n, rows):
            stop = min(start + rows, n)
            torch.mm(a[:, start:stop].T, b, out=block[: stop - start])

    return product


def peers(bench: Bench, a: FeatureMap, b: FeatureMap) -> dict[str, Callable[[], object]]:
    """What other libraries do with the same cells, in the order of memory that they want."""
    first, second = (fmap.features.flatten(1).T.contiguous() for fmap in (a, b))
    result: dict[str, Callable[[], object]] = {"cdist": lambda: torch.cdist(first, second)}
    if kornia := bench.peer("kornia.feature", "kornia"):
        result["kornia match_mnn"] = lambda: kornia.match_mnn(first, second)
    if bench.on_gpu:
        bench.skip("faiss", "faiss-cpu has no GPU")
    elif faiss := bench.peer("faiss", "faiss-cpu"):
        queries, cells = first.numpy(), second.numpy()
        faiss.omp_set_num_threads(torch.get_num_threads())

        def flat() -> object:
            index = faiss.IndexFlatIP(cells.shape[1])
            index.add(cells)
            return index.search(queries, 1)

        result["faiss flat"] = flat
    return result


def memory(size: tuple[int, int, int], name: str) -> int:
    """Bytes above the two maps, in this process; it has matched smaller ones before."""
    a, b = (random_map(*size, seed) for seed in (1, 2))
    small = random_map(20, 20, size[2], 0)
    MATCHERS[name](small, replace(small))
    return peak_memory(lambda: MATCHERS[name](a, b))
