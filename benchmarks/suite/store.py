"""Opening a store of many files, and resuming a finished one, against a stat of each file.

The store is made first, of as many tiny images. To resume, the stamps of every image and of its
file must be seen: the floor sees them, and does nothing else.
"""

import os
from collections.abc import Iterator

import numpy as np
import PIL.Image
from descr.descriptors import Backbone, FeatureStore, Layer

from ..bench import Bench
from ..results import Row, at_most, to_floor


class Means(Backbone):
    """The mean colour of each patch."""

    layers = (Layer("mean", stride=8),)
    revision = "1"

    def forward(self, pixels):
        """See `Backbone.forward`."""
        cells = pixels.unflatten(3, (-1, 8)).unflatten(2, (-1, 8))
        return {"mean": cells.mean((3, 5)) + 0.1}


def run(bench: Bench, *, files: int = 10_000, rounds: int = 5) -> Iterator[Row]:
    """A row for opening, and one for resuming."""
    images = bench.folder / "images"
    images.mkdir(exist_ok=True)
    generator = np.random.default_rng(0)
    paths = {f"{place:05}.png": images / f"{place:05}.png" for place in range(files)}
    for path in paths.values():
        PIL.Image.fromarray(generator.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    describe = Means(size=16, device="cpu", batch_size=64)
    folder = bench.folder / "features"
    statuses = [outcome.status for outcome in FeatureStore(folder, describe).extract(paths)]
    assert statuses == ["extracted"] * files

    def opening() -> None:
        store = FeatureStore(folder, describe)
        keys = list(store)
        assert len(keys) == files
        store[keys[0]]

    def resuming() -> None:
        outcomes = FeatureStore(folder, describe).extract(paths)
        assert all(outcome.status == "kept" for outcome in outcomes)

    both = [os.fspath(path) for path in paths.values()]
    both += [os.fspath(folder / f"{key}.nc") for key in paths]

    def stats() -> None:
        for path in both:
            os.stat(path)

    taken = bench.race({"open": opening, "value": resuming, "floor": stats}, rounds=rounds)
    opened = taken.pop("open")
    yield at_most(f"open, list and read one of {files:,} files", "seconds", opened, 2.0)
    yield to_floor(f"resume {files:,} files", taken, most=1.2)
