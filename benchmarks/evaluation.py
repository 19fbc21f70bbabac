"""Time of an evaluation once features are extracted, against the bare similarity products.

    python benchmarks/evaluation.py

60 images and 1,200 pairs in the folders of SPair-71k, described by SIFT. The floor is, for every
pair, the float32 product of the queried points with all cells of the target, its result thrown
away, the features being at hand. The evaluation is everything from the last extracted image on:
matching, writing the journal and the predictions, and the report with all of its variants. Both
run on one thread, in processor time, so that other work on the machine counts for neither. Ends
with exit code 1 where a promise is broken.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from descr.applications.evaluation import build_report, open_dataset, predict
from descr.descriptors import SIFT, Descriptor
from descr.matchers import Matcher, MutualNearestNeighbor, NearestNeighbor, SoftArgmax
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.datasets.spair import make_spair

IMAGES, PAIRS = 60, 1200
MOST = 1.5
BARE = "bare products of the queried points"
FIRST = "evaluation that has just extracted, nearest"
LATER: dict[str, Matcher] = {
    "features of an earlier run, nearest": NearestNeighbor(),
    "features of an earlier run, soft-argmax": SoftArgmax(),
    "features of an earlier run, mutual": MutualNearestNeighbor(),
}
"""Runs that read the features from their files; mutual also looks back over the whole source."""


class Counting(SIFT):
    """SIFT that counts the images it extracts, and notes when the last one was done."""

    source = "sift"
    model = "opencv-sift"

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def extract(self, images):
        """Feature trees, counted."""
        self.count += len(images)
        return super().extract(images)


class Clock:
    """When each stage of a run began and ended."""

    def __init__(self) -> None:
        self.ended: dict[str, float] = {}

    @contextmanager
    def progress(self, stage: str, steps: int) -> Iterator[Callable[[str], None]]:
        """Note the end of a stage."""
        yield lambda name: None
        self.ended[stage] = time.process_time()


def evaluate(
    root: Path, folder: Path, features: Path, describe: Descriptor, matcher: Matcher
) -> float:
    """Seconds of an evaluation after the last image was extracted, or its features found."""
    clock, dataset = Clock(), open_dataset("spair-71k", root)
    predictions = predict(
        dataset,
        describe,
        matcher,
        folder=folder,
        features=features,
        workers=1,
        progress=clock.progress,
    )
    build_report(predictions, dataset)
    return time.process_time() - clock.ended["features"]


def bare_products(root: Path) -> Callable[[], None]:
    """The products of the queried points of each pair with the cells of its target."""
    dataset, describe = open_dataset("spair-71k", root), SIFT()
    maps = {key: describe(path)[0] for key, path in dataset.images().items()}
    pairs = []
    for pair in dataset:
        count = int(pair.common.sum())
        source, target = (
            torch.from_numpy(maps[one.key].values).flatten(1) for one in (pair.source, pair.target)
        )
        # Which cells are asked for doesn't change the time of the product.
        pairs.append((source[:, :count].contiguous(), target))

    def run() -> None:
        for queries, target in pairs:
            torch.mm(queries.T, target)

    return run


def main() -> int:
    """Measure, print the table, and say whether the promises were kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="times that each is run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seconds: dict[str, float] = {}
    extracted = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = folder / "spair"
        make_spair(root, categories=("cat", "dog"), images=IMAGES // 2, pairs=PAIRS)
        bare = bare_products(root)
        bare()
        for turn in range(options.rounds):
            began = time.process_time()
            bare()
            note(seconds, BARE, time.process_time() - began)
            # The first of them extracts, as a user's first run does; the others find features.
            features = folder / f"features-{turn}"
            for label, matcher in ((FIRST, NearestNeighbor()), *LATER.items()):
                describe = Counting()
                taken = evaluate(root, folder / f"{turn}-{label}", features, describe, matcher)
                note(seconds, label, taken)
                extracted.append(describe.count)
    table = Table("", "seconds", "x bare products", "promise")
    kept = seconds[FIRST] <= MOST * seconds[BARE]
    for label, taken in seconds.items():
        promise = f"at most {MOST}: {'kept' if kept else 'BROKEN'}" if label == FIRST else ""
        table.add_row(label, f"{taken:.2f}", f"{taken / seconds[BARE]:.2f}", promise)
    once = extracted == [IMAGES, *[0] * len(LATER)] * options.rounds
    counted = ", ".join(map(str, extracted[: 1 + len(LATER)]))
    table.caption = f"images extracted by the runs: {counted} ({'kept' if once else 'BROKEN'})"
    Console(width=110).print(table)
    return 0 if kept and once else 1


def note(seconds: dict[str, float], label: str, taken: float) -> None:
    """Keep the shortest time."""
    seconds[label] = min(seconds.get(label, float("inf")), taken)


if __name__ == "__main__":
    sys.exit(main())
