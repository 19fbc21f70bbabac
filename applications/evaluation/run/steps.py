"""The run of an evaluation: read, extract, match, each step from where a former run was stopped."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import torch
import xarray as xr

from ....descriptors import Basis, Descriptor
from ....descriptors.settings import check_int
from ....matchers import Matcher, NearestNeighbor
from ..datasets import Dataset
from .features import Folders, extract_images
from .flow import FlowWork
from .journal import Arrays, Journal, pack_answers, unpack_answers
from .listing import Listing, RunPair, check_groups, read_listing
from .maps import MEMORY, Maps
from .masks import MaskWork
from .points import PointWork
from .predictions import build_predictions, pair_variables, save_predictions
from .provenance import describe_run, file_stem, identity
from .settings import Settings, check_fits
from .workers import Progress, in_order_of_completion, silent

DescribeCategory: TypeAlias = Callable[[str], Descriptor]

MOST_WORKERS = 8
"""Workers by default: more of them would hold more maps in memory than they are worth."""


def predict(
    dataset: Dataset,
    describe: Descriptor | DescribeCategory,
    matcher: Matcher | None = None,
    *,
    folder: Path | str,
    features: Path | str | None = None,
    settings: Settings | None = None,
    basis: Basis | None = None,
    workers: int | None = None,
    memory: int = MEMORY,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> xr.Dataset:
    """What a matcher answers for the pairs of a data set, beside what is true.

    Features are extracted once for each image, into files that later runs use again. Answers are
    written down as they come: a run that was stopped, by whatever, goes on where it was, and gives
    the same answers.

    Args:
        dataset: The pairs.
        describe: The descriptor; or what makes one for a category, where features depend on it.
        matcher: Any matcher; `NearestNeighbor()` by default, as in the papers.
        folder: Where the run is written down, and its predictions in the end.
        features: Where the features lie; `folder`/features by default. Several descriptors and data
            sets can share it.
        settings: What else decides the answers.
        basis: What brings all images into one space, in place of a joint PCA for each pair.
        workers: How many threads match; the answers are the same for any number. None for one per
            processor, at most 8.
        memory: Bytes of features that are kept in memory, about.
        progress, say: What shows how far it is, and what is told one line about what is done again.

    Returns:
        xarray.Dataset: One entry along `pair` for each pair; `run_of` tells what made it. It is
            also in `folder`, as NetCDF, beside the journal of the run.

    Raises:
        DatasetError: Something of the data set is missing or damaged.
        OptionError: A setting is out of range, or doesn't fit the data set.
        ImageError, OutputError, DescrError: An image can't be read, a file can't be written; what a
            descriptor or a matcher raises.
    """
    began = time.perf_counter()
    settings = settings or Settings()
    matcher = matcher or NearestNeighbor()
    workers = min(_usable_processors(), MOST_WORKERS) if workers is None else workers
    check_int("workers", workers, minimum=1)
    folder = Path(folder)
    check_fits(dataset, matcher, settings)
    listing = read_listing(dataset, settings, progress)
    check_groups(dataset, listing, settings)
    maps = Maps(matcher.torch_device or torch.device("cpu"), settings, memory, basis)
    folders = extract_images(
        listing,
        describe,
        Path(features if features is not None else folder / "features") / dataset.name,
        mirrored=settings.align_pose,
        lossless=settings.lossless,
        progress=progress,
        written=maps.read_back,
    )
    run = identity(dataset, matcher, settings, listing, folders, basis)
    path = folder / f"{file_stem(dataset, run)}.journal"
    with Journal(path, run) as journal:
        if journal.differs:
            say(f"{path}: other {' and '.join(journal.differs)} than before, beginning anew")
        work = make_work(dataset, matcher, maps, folders)
        answers = _match(listing, work, journal, workers, progress)
    about = {
        **describe_run(dataset, settings, listing, folders, basis),
        "matcher": work.name,
        "seconds": round(time.perf_counter() - began, 3),
    }
    predictions = build_predictions(
        {**pair_variables(listing.pairs, folders.sizes), **work.variables(listing.pairs, answers)},
        [pair.name for pair in listing.pairs],
        about,
    )
    save_predictions(predictions, path.with_suffix(".nc"))
    return predictions


class Work(Protocol):
    """The work on pairs of one kind of truth; `name` is the `repr` of what finds the answers."""

    name: str

    def batches(self, pairs: Sequence[RunPair]) -> list[list[int]]:
        """Places among the pairs that are worked on together, in the order of work.

        They depend on the pairs alone.
        """

    def run(self, pairs: Sequence[RunPair]) -> list[Arrays]:
        """The answers for the pairs of one batch, one for each."""

    def variables(self, pairs: Sequence[RunPair], answers: Sequence[Arrays]) -> dict[str, Any]:
        """The answers of all pairs as variables of the predictions."""


def make_work(dataset: Dataset, matcher: Matcher, maps: Maps, folders: Folders) -> Work:
    """The work that the truth of this data set asks for."""
    if dataset.truth == "flow":
        return FlowWork(matcher, maps, folders, on_target=dataset.flow_lies_on == "target")
    if dataset.truth == "masks":
        return MaskWork(dataset, maps, folders)
    return PointWork(matcher, maps, folders)


def _match(
    listing: Listing, work: Work, journal: Journal, workers: int, progress: Progress
) -> list[Arrays]:
    """The answers for all pairs, in their order; those in the journal are not made again."""
    answers: dict[int, Arrays] = {}
    for record in journal.records():
        answers.update(unpack_answers(record))
    runs = [run for run in work.batches(listing.pairs) if not answers.keys() >= set(run)]

    def answer(run: Sequence[int]) -> bytes:
        of_run = work.run([listing.pairs[place] for place in run])
        answers.update(zip(run, of_run, strict=True))
        return pack_answers(run, of_run)

    with progress("matching", len(listing.pairs)) as advance:
        for _ in range(len(answers)):
            advance("")
        for run, record in in_order_of_completion(answer, runs, workers):
            journal.add(record)
            for place in run:
                advance(listing.pairs[place].name)
    return [answers[place] for place in range(len(listing.pairs))]


def _usable_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
