"""An index by the number of its images, onward to ten million; and images per second and core.

Maps of random numbers are written straight into shards of 1,000 images: cells of 256 smooth maps,
whose channels are dealt anew for each image. 20 images hold an object of the first one with noise,
`across` cells wide. Recall is the share of these among the best 21 of a search for 1, 2 and 4 cells
across of it. Memory is what the process has of its own at most, without pages of mapped files,
above what it had before. The last sizes are on the line through the two largest that were measured.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from descr.applications.search import Index
from descr.applications.search.shards import Entry, ShardWriter
from descr.applications.search.update import Update
from descr.descriptors import SIFT, Basis, Descriptor, FeatureStore, XFeat
from descr.descriptors.features.grids import Grid
from descr.descriptors.store.maps import PackedMap
from torch.nn.functional import interpolate, normalize

from ..bench import Bench, in_a_process
from ..maps import SIDE, centres, random_features
from ..results import Row
from .extraction import write_photographs

T = TypeVar("T")
_PARTS = (1, 2, 4)
_COPIES, _SHARD, _SMOOTH = 20, 1000, 256


def run(
    bench: Bench,
    *,
    sizes: str = "1000,10000,100000",
    side: int = 20,
    channels: int = 32,
    across: int = 6,
    exact: int = 10_000,
    photographs: int = 16,
    rounds: int = 3,
) -> Iterator[Row]:
    """A row for each size, two beyond them, and one for each descriptor.

    Parts are looked for in all cells (`exact`) up to so many images.
    """
    rows: list[dict[str, float]] = []
    for count in map(int, sizes.split(",")):
        folder = bench.folder / f"index-{count}"
        written = in_a_process(write_index, folder, count, side, channels, across)
        found = in_a_process(search, bench, folder, side, rounds, count <= exact)
        rows.append(written | found)
        yield Row(f"{count:,} images", rows[-1])
    for count in (10**6, 10**7) if len(rows) > 1 else ():
        fields = [name for name in rows[0] if name.endswith(("s", "MB")) and "memory" not in name]
        values = {
            name: onward(count, *((row["images"], row[name]) for row in pair))
            for name in fields
            if len(pair := [row for row in rows if name in row][-2:]) > 1
        }
        yield Row(f"{count:,} images, by the line", values)
    paths = write_photographs(bench.folder, photographs)
    for name, describe in (("SIFT", SIFT()), ("XFeat", XFeat())):
        rate = in_a_process(images_per_core, bench.folder / name, describe, paths)
        yield Row(name, {"images / s of a core": rate})


def onward(count: int, first: tuple[float, float], last: tuple[float, float]) -> float:
    """What the line through two points gives for so many images."""
    (n, a), (m, b) = first, last
    return b + (count - m) * (b - a) / (m - n)


def images_per_core(folder: Path, describe: Descriptor, paths: Sequence[Path]) -> float:
    """Photographs that are read, described and written in a second of processor time."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    store, bench = FeatureStore(folder, describe), Bench("cpu", "processor", folder)
    work = {"": partial(store.extract, paths, force=True)}
    return len(paths) / bench.race(work, rounds=2)[""]


def write_index(
    folder: Path, count: int, side: int, channels: int, across: int
) -> dict[str, float]:
    """Write an index of so many images; what it took."""
    tree = random_features(0, (("random", "cells", channels, side, channels),))
    basis, bench = Basis.fit([tree]), Bench("cpu", "processor", folder)
    folder.mkdir(parents=True)
    update, shard, began = Update(folder, basis), ShardWriter(folder), bench.now()

    def write() -> None:
        for at, one in enumerate(images(count, side, channels, across), 1):
            shard.add(Entry.of(f"{at - 1:08}", (0, 0), one))
            if at % _SHARD == 0 or at == count:
                update.put_shards([shard.finish()])

    _, memory = with_memory(write)
    info = Index(folder).info
    return {
        "images": count,
        "write, processor s": bench.now() - began,
        "write, memory MB": memory / 1e6,
        "MB": info.bytes / 1e6,
        "tiles MB": info.tile_bytes / 1e6,
    }


def images(count: int, side: int, channels: int, across: int) -> Iterator[PackedMap]:
    """So many maps: first the query, then those that hold an object of it, then all others."""
    generator = np.random.default_rng(0)
    noise = partial(generator.standard_normal, dtype=np.float32)
    coarse = torch.from_numpy(noise((_SMOOTH, channels, side // 4 + 1, side // 4 + 1)))
    smooth = interpolate(coarse, size=(side, side), mode="bilinear", align_corners=True).numpy()
    smooth = normalize(torch.from_numpy(smooth + 0.3 * noise(smooth.shape)), dim=1).numpy()
    bases = np.rint(smooth * 127).astype(np.int8)
    start = (side - across) // 2
    thing = smooth[0][:, start : start + across, start : start + across]
    grid = Grid(centres(side), centres(side))
    attrs = {"image_height": SIDE, "image_width": SIDE}
    for at in range(count):
        values = bases[at % _SMOOTH]
        if at:
            values = values[generator.permutation(channels)]
        if 0 < at <= _COPIES:
            copy = thing + 0.3 * channels**-0.5 * noise(thing.shape)
            y, x = generator.integers(0, side - across + 1, 2)
            values[:, y : y + across, x : x + across] = np.rint(copy * 127).clip(-127, 127)
        yield PackedMap(values, grid, attrs)


def search(bench: Bench, folder: Path, side: int, rounds: int, exact: bool) -> dict[str, float]:
    """What it takes to search an index, and which of the parts are found."""
    index = Index(folder)
    query, top = index.map(f"{0:08}"), _COPIES + 1
    firsts = {part: centres(side)[(side - part) // 2] for part in _PARTS}
    boxes = {
        part: (first - 1, first - 1, *2 * [first + (part - 1) * SIDE / side + 1])
        for part, first in firsts.items()
    }
    point = {"points": [(firsts[1], firsts[1])], "around": 0}
    work: dict[str, Callable[[], object]] = {
        "point, ms": partial(index.search, query, top=top, **point),
        "point, exact ms": partial(index.search, query, top=top, exact=True, **point),
        "16 cells, ms": partial(index.search, query, top=top, box=boxes[4]),
    }
    if exact:
        work["16 cells, exact ms"] = partial(index.search, query, top=top, exact=True, box=boxes[4])
    times, memory = with_memory(partial(bench.race, work, rounds=rounds))
    values = {name: seconds * 1e3 for name, seconds in times.items()}
    values["search, memory MB"] = memory / 1e6
    copies = {f"{1 + copy:08}" for copy in range(_COPIES)}
    for part, box in boxes.items():
        hits = index.search(query, top=top, box=box)["image"].values.tolist()
        values[f"recall, {part} x {part}"] = len(copies & set(hits)) / _COPIES
    return values


def with_memory(work: Callable[[], T]) -> tuple[T, int]:
    """What work gives, and by how many bytes the process' own memory grew at most."""
    ended, before = threading.Event(), own_memory()
    most = before

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.005):
            most = max(most, own_memory())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        result = work()
        return result, most - before
    finally:
        ended.set()
        thread.join()


def own_memory() -> int:
    """Bytes in use by this process alone: not those of mapped files, which the system can drop."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))
