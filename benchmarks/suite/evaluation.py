"""Time of an evaluation once features are extracted, against the bare similarity products.

60 images and 1,200 pairs in the folders of SPair-71k, described by SIFT. The floor is, for every
pair, the float32 product of the queried points with all cells of the target, its result thrown
away, the features being at hand. The evaluation is everything from the last extracted image on:
matching, writing the journal and the predictions, and the report with all of its variants. Both
are taken on one thread, in processor time, so that other work on the machine counts for neither.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from descr.applications.evaluation import build_report, open_dataset, predict
from descr.descriptors import SIFT, Descriptor
from descr.matchers import Matcher, MutualNearestNeighbor, NearestNeighbor, SoftArgmax

from ..bench import Bench
from ..results import Row, at_most

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from support.datasets.spair import make_spair

IMAGES, PAIRS = 60, 1200
MOST = 1.5
FIRST = "evaluation that has just extracted, nearest"
LATER: dict[str, Matcher] = {
    "features of an earlier run, nearest": NearestNeighbor(),
    "features of an earlier run, soft-argmax": SoftArgmax(),
    "features of an earlier run, mutual": MutualNearestNeighbor(),
}
"""Runs that read the features from their files; mutual also looks back over the whole source."""


class Counting(SIFT):
    """SIFT that counts the images it describes."""

    source = "sift"
    model = "opencv-sift"

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def forward(self, pixels):
        """SIFT of a batch, counted."""
        self.count += len(pixels)
        return super().forward(pixels)


class Clock:
    """When each stage of a run ended."""

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
        threads=1,
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


def run(bench: Bench, *, rounds: int = 3) -> Iterator[Row]:
    """A row for the run that extracts, and for each that finds its features."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    root = bench.folder / "spair"
    make_spair(root, categories=("cat", "dog"), images=IMAGES // 2, pairs=PAIRS)
    bare = bare_products(root)
    bare()
    floors: list[float] = []
    taken: dict[str, list[float]] = {}
    counts: list[int] = []
    for turn in range(rounds):
        began = time.process_time()
        bare()
        floors.append(time.process_time() - began)
        # The first of them extracts, as a user's first run does; the others find features.
        features = bench.folder / f"features-{turn}"
        for label, matcher in ((FIRST, NearestNeighbor()), *LATER.items()):
            describe = Counting()
            folder = bench.folder / f"{turn}-{label}"
            seconds = evaluate(root, folder, features, describe, matcher)
            taken.setdefault(label, []).append(seconds)
            counts.append(describe.count)
    torch.set_num_threads(threads)
    floor = min(floors)
    for label, times in taken.items():
        values = {"seconds": min(times), "floor, s": floor, "x floor": min(times) / floor}
        kept = {f"at most {MOST}": min(times) <= MOST * floor} if label == FIRST else {}
        yield Row(label, values, kept)
    more = sum(counts) - rounds * IMAGES
    yield at_most("images extracted more than once", "images", more, 0)
