"""One source against many stored maps, against products and raw reading.

Maps of 60 x 60 cells and 128 channels, packed to 8 bits in a store of a basis. The floor reads the
bytes of every file and multiplies the queried cells with those of a map that is at hand.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from descr.descriptors import Basis, FeatureMap, FeatureStore
from descr.matchers import NearestNeighbor

from ..bench import Bench
from ..maps import SIDE, random_features
from ..results import Row, to_floor
from .cells import bare_product

LAYER = (("random", "cells", 256, 60, 128),)


def run(bench: Bench, *, maps: int = 1000, rounds: int = 2) -> Iterator[Row]:
    """A row for all cells of the source, and one for ten points in it."""
    trees = [random_features(seed, LAYER) for seed in (0, 1)]
    basis = Basis.fit(trees)
    source, first = (basis.transform(tree).to(bench.device) for tree in trees)
    paths = fill(bench.folder / "maps", first, maps)
    store = FeatureStore(bench.folder / "maps", basis=basis)
    points = np.random.default_rng(0).uniform(0, SIDE - 1, (10, 2))
    some, target = source.at(points), first.features.flatten(1)
    matcher = NearestNeighbor()

    def search(**options: object) -> None:
        for key in store:
            matcher(source, store.tensors(key, device=bench.device), **options)

    def floor(product: Callable[[], object]) -> None:
        for path in paths:
            path.read_bytes()
            product()

    products = bare_product(source, first)
    for case, options, product in (
        ("all cells", {}, products),
        ("10 points", {"points": points}, lambda: torch.mm(some.T, target)),
    ):
        work = {
            "value": lambda options=options: search(**options),
            "floor": lambda product=product: floor(product),
        }
        yield to_floor(f"{case}, {maps:,} maps", bench.race(work, rounds=rounds), most=1.3)


def fill(folder: Path, fmap: FeatureMap, count: int) -> list[Path]:
    """So many files of one map."""
    from descr.descriptors.store import save_map

    folder.mkdir(exist_ok=True)
    paths = [folder / f"{place:05}.jpg.nc" for place in range(count)]
    save_map(fmap.to_xarray(), paths[0])
    for path in paths[1:]:
        shutil.copyfile(paths[0], path)
    return paths
