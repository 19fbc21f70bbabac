"""The run of an evaluation: read, extract, match, each step from where a former run was stopped."""

import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch
import xarray as xr

from ....descriptors import Basis, Descriptor
from ....descriptors.runtime.cluster import count_workers
from ....descriptors.settings import check_int
from ....matchers import Matcher, NearestNeighbor
from ..datasets import Dataset
from ..datasets.base import Truth
from ..datasets.pair import Pair
from .features import extract_images
from .flow import FlowWork
from .journal import Arrays, Journal, pack_answers, unpack_answers
from .listing import read_listing
from .maps import MEMORY, Maps
from .masks import MaskWork
from .points import PointWork
from .predictions import build_predictions, save_predictions
from .provenance import Provenance
from .settings import Settings, check_fits
from .work import Work
from .workers import Progress, in_order_of_completion, on_processes, silent

if TYPE_CHECKING:
    from distributed import Client

DescribeCategory: TypeAlias = Callable[[str], Descriptor]
_InTurn: TypeAlias = Callable[
    [Callable[[Sequence[int]], list[Arrays]], Sequence[Sequence[int]]],
    Generator[tuple[Sequence[int], list[Arrays]]],
]
"""Gives what it calls for each run of pairs, as soon as it is done."""

_WORK: Mapping[Truth, type[Work]] = {"points": PointWork, "flow": FlowWork, "masks": MaskWork}
MOST_THREADS = 8
"""Threads by default: more of them would hold more maps in memory than they are worth."""


def predict(
    dataset: Dataset,
    describe: Descriptor | DescribeCategory,
    matcher: Matcher | None = None,
    *,
    folder: Path | str,
    features: Path | str | None = None,
    settings: Settings | None = None,
    basis: Basis | None = None,
    threads: int | None = None,
    client: "Client | None" = None,
    memory: int = MEMORY,
    verify: bool = False,
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
        threads: How many match; the answers are the same for any number. None for one per
            processor, at most 8.
        client: Of a dask cluster, whose workers extract, as in `FeatureStore.extract`, and match
            in the place of threads. They share the folder of the features with this process.
        memory: Bytes of features that are kept in memory, about, by all threads or workers.
        verify: Read images and files of features that have not changed since the last run, by size
            and time, too.
        progress, say: What shows how far it is, and what is told one line about what is done again.

    Returns:
        xarray.Dataset: One entry along `pair` for each pair; `run_of` tells what made it. It is
            also in `folder`, as NetCDF, beside the journal of the run.

    Raises:
        DatasetError: Something of the data set is missing or damaged.
        OptionError: A setting is out of range, or doesn't fit the data set.
        ClusterError: Workers don't see the same folder, a pair costs several of them, or the
            scheduler is gone.
        ImageError, OutputError, DescrError: An image can't be read, a file can't be written; what a
            descriptor or a matcher raises.
    """
    began = time.perf_counter()
    settings = settings or Settings()
    matcher = matcher or NearestNeighbor()
    if threads is None:
        allowed = getattr(os, "sched_getaffinity", None)
        threads = min(len(allowed(0)) if allowed else os.cpu_count() or 1, MOST_THREADS)
    check_int("threads", threads, minimum=1)
    folder = Path(folder)
    check_fits(dataset, matcher, settings)
    listing = read_listing(dataset, settings, progress)
    features = Path(features if features is not None else folder / "features") / dataset.name
    if client is not None:
        listing, features = listing.absolute(), features.absolute()
        memory //= count_workers(client)
    maps = Maps(matcher.torch_device or torch.device("cpu"), settings, memory, basis)
    folders = extract_images(
        listing,
        describe,
        features,
        mirrored=settings.align_pose,
        lossless=settings.lossless,
        verify=verify,
        client=client,
        progress=progress,
        written=maps.read_back,
    )
    provenance = Provenance(dataset, matcher, settings, basis, listing, folders)
    path = folder / f"{provenance.file_stem()}.journal"
    work = _WORK[dataset.truth](dataset, matcher, maps, folders)
    with Journal(path, provenance.identity()) as journal:
        if journal.differs:
            say(f"{path}: other {' and '.join(journal.differs)} than before, beginning anew")
        in_turn: _InTurn = partial(in_order_of_completion, workers=threads)
        if client is not None:
            in_turn = partial(on_processes, client, folder=features)
        answers = _match(listing.pairs, work, journal, in_turn, progress)
    about = {
        **provenance.describe(),
        "matcher": work.name,
        "seconds": round(time.perf_counter() - began, 3),
    }
    variables = work.variables(listing.pairs, answers)
    predictions = build_predictions(listing.pairs, folders.sizes, variables, about)
    save_predictions(predictions, path.with_suffix(".nc"))
    return predictions


def _match(
    pairs: Sequence[Pair], work: Work, journal: Journal, in_turn: _InTurn, progress: Progress
) -> list[Arrays]:
    """The answers for all pairs, in their order; those in the journal are not made again."""
    answers: dict[int, Arrays] = {}
    for record in journal.records():
        answers.update(unpack_answers(record))
    runs = [run for run in work.batches(pairs) if not answers.keys() >= set(run)]
    with progress("matching", len(pairs)) as advance:
        for _ in range(len(answers)):
            advance("")
        with closing(in_turn(partial(_answer, work, pairs), runs)) as results:
            for run, of_run in results:
                answers.update(zip(run, of_run, strict=True))
                journal.add(pack_answers(run, of_run))
                for place in run:
                    advance(pairs[place].name)
    return [answers[place] for place in range(len(pairs))]


def _answer(work: Work, pairs: Sequence[Pair], run: Sequence[int]) -> list[Arrays]:
    return work.run([pairs[place] for place in run])
