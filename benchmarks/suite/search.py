"""An index of a corpus: building it against reading the maps, and exact scans against products.

Maps of 60 x 60 cells and 128 channels, packed to 8 bits in a store of a basis, in shards of 256 MB.
The floor of a scan is the larger of two: one product of the query with all cells, which lie in
memory as float32, and reading the bytes of the index' cells.
"""

from collections.abc import Iterator

import torch
from descr.applications.search import Index
from descr.descriptors import Basis, FeatureStore

from ..bench import Bench
from ..maps import random_features
from ..results import Row, to_floor
from .stored_maps import LAYER, fill

_BOX = (40.0, 40.0, 80.0, 80.0)


def run(bench: Bench, *, maps: int = 600, rounds: int = 3) -> Iterator[Row]:
    """A row for building, one for a point and one for a part of 16 cells; and what tiles bring."""
    trees = [random_features(seed, LAYER) for seed in (0, 1)]
    basis = Basis.fit(trees)
    source, first = map(basis.transform, trees)
    fill(bench.folder / "maps", first, maps)
    store = FeatureStore(bench.folder / "maps", basis=basis)
    places = iter(range(1000))

    def build() -> Index:
        return Index.build(bench.folder / f"index-{next(places)}", store, basis=basis)

    def read() -> None:
        for key in store:
            store.tensors(key)

    yield to_floor(
        f"building, {maps:,} maps",
        bench.race({"value": build, "floor": read}, rounds=rounds),
        most=1.2,
    )
    index = build()
    cells = first.features.flatten(1).repeat(1, maps)
    files = list(index.folder.glob("shards/*/cells.npy"))
    points = [(60.0, 60.0)]
    for case, options, count in (
        ("a point", {"points": points, "around": 0}, 1),
        ("16 cells", {"box": _BOX}, 16),
    ):
        query = source.features.flatten(1)[:, :count].T.contiguous()
        work = {
            "exact": lambda options=options: index.search(source, exact=True, **options),
            "tiles": lambda options=options: index.search(source, **options),
            "product": lambda query=query: torch.mm(query, cells),
            "reading": lambda: [path.read_bytes() for path in files],
        }
        taken = bench.race(work, rounds=rounds)
        floor = max(taken["product"], taken["reading"])
        yield to_floor(f"exact, {case}", {"value": taken["exact"], "floor": floor}, most=1.3)
        yield to_floor(f"by tiles, {case}", {"value": taken["tiles"], "floor": floor}, most=1.3)
