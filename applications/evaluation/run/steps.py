"""The run of an evaluation: read, extract, match, each step from where a former run was stopped."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import torch
import xarray as xr

from ....descriptors import Descriptor
from ....descriptors.runtime.code import code_digest
from ....descriptors.settings import check_int
from ....matchers import Matcher, NearestNeighbor
from ..datasets import Dataset
from ..datasets.sampling import sample_pairs
from .extraction import Folders, extract_images
from .journal import Journal
from .listing import Listing, usable_processors
from .maps import MEMORY, Maps
from .packing import Arrays, pack_answers, unpack_answers
from .predictions import build_predictions, pair_variables, save_predictions
from .progress import Progress, silent
from .provenance import describe_features, versions
from .settings import Settings, check_fits
from .threads import in_order_of_completion
from .work import Work, check_groups, make_work

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
    workers: int | None = None,
    memory: int = MEMORY,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> xr.Dataset:
    """What a matcher answers for the pairs of a data set, beside what is true.

    Features are extracted once for each image, into files that later runs use again. Answers are
    written down as they come: a run that was stopped, by whatever, goes on where it was, and gives
    the same answers.

    Parameters
    ----------
    dataset:
        The pairs.
    describe:
        The descriptor; or what makes one for a category, where features depend on it.
    matcher:
        Any matcher; `NearestNeighbor()` by default, as in the papers.
    folder:
        Where the run is written down, and its predictions in the end.
    features:
        Where the features lie; `folder`/features by default. Several descriptors and data sets
        can share it.
    settings:
        What else decides the answers.
    workers:
        How many threads match; the answers are the same for any number. None for one
        per processor, at most 8.
    memory:
        Bytes of features that are kept in memory, about.
    progress, say:
        What shows how far it is, and what is told one line about what is done again.

    Returns
    -------
    xarray.Dataset
        One entry along `pair` for each pair; `run_of` tells what made it. It is also in `folder`,
        as NetCDF, beside the journal of the run.

    Raises
    ------
    DatasetError
        Something of the data set is missing or damaged.
    OptionError
        A setting is out of range, or doesn't fit the data set.
    ImageError, OutputError, DescrError
        An image can't be read, a file can't be written; what a descriptor or a matcher raises.
    """
    began = time.perf_counter()
    settings = settings or Settings()
    matcher = matcher or NearestNeighbor()
    workers = min(usable_processors(), MOST_WORKERS) if workers is None else workers
    check_int("workers", workers, minimum=1)
    folder = Path(folder)
    check_fits(dataset, matcher, settings)
    listing = read_listing(dataset, settings, progress)
    check_groups(dataset, listing, settings)
    maps = Maps(matcher.torch_device or torch.device("cpu"), settings, memory)
    folders = extract_images(
        listing,
        describe,
        Path(features if features is not None else folder / "features") / dataset.name,
        mirrored=settings.align_pose,
        lossless=settings.lossless,
        progress=progress,
        written=maps.read_back,
    )
    run = _identity(dataset, matcher, settings, listing, folders)
    path = folder / f"{_stem(dataset, run)}.journal"
    with Journal(path, run) as journal:
        if journal.differs:
            say(f"{path}: other {' and '.join(journal.differs)} than before, beginning anew")
        work = make_work(dataset, listing, matcher, maps, folders)
        found = _match(listing, work, journal, workers, progress)
    about = {
        **_about(dataset, settings, listing, folders),
        "matcher": work.name,
        "seconds": round(time.perf_counter() - began, 3),
    }
    predictions = build_predictions(
        {**pair_variables(listing.pairs, folders.sizes), **work.variables(listing.pairs, found)},
        [pair.name for pair in listing.pairs],
        about,
    )
    save_predictions(predictions, path.with_suffix(".nc"))
    return predictions


def read_listing(dataset: Dataset, settings: Settings, progress: Progress) -> Listing:
    """The pairs of a run, or of the sample that the settings ask for, their files there."""
    entries = dataset.entries
    places: Sequence[int] = range(len(entries))
    if not entries:
        dataset.check()
    if settings.sample is not None:
        names, categories = zip(*((one.name, one.category) for one in entries), strict=True)
        places = sample_pairs(names, categories, settings.sample, settings.seed)
    with progress("pairs", len(places)) as advance:
        return Listing.read(dataset, places, advance)


def _match(
    listing: Listing, work: Work, journal: Journal, workers: int, progress: Progress
) -> list[Arrays]:
    """The answers for all pairs, in their order; those in the journal are not made again."""
    found: list[Arrays | None] = [None] * len(listing.pairs)
    for record in journal.records():
        for place, known in unpack_answers(record).items():
            found[place] = known
    runs = [
        run for run in work.batches(listing.pairs) if any(found[place] is None for place in run)
    ]

    def answer(run: Sequence[int]) -> bytes:
        answers = work.run([listing.pairs[place] for place in run])
        for place, one in zip(run, answers, strict=True):
            found[place] = one
        return pack_answers(run, answers)

    with progress("matching", len(listing.pairs)) as advance:
        for one in found:
            if one is not None:
                advance("")
        for run, record in in_order_of_completion(answer, runs, workers):
            journal.add(record)
            for place in run:
                advance(listing.pairs[place].name)
    return [one for one in found if one is not None]


def _identity(
    dataset: Dataset, matcher: Matcher, settings: Settings, listing: Listing, folders: Folders
) -> dict[str, Any]:
    """What the answers depend on: runs that share it share their answers."""
    return {
        "version": version("descr-sdk"),
        "code": code_digest(matcher),
        "options": {
            "dataset": [dataset.name, _plain(dataset.settings)],
            "matcher": repr(matcher),
            **asdict(settings),
        },
        "features": {category: own.label for category, own in sorted(folders.upright.items())},
        "pairs": listing.digest,
        "images": folders.digest,
    }


def _stem(dataset: Dataset, run: Mapping[str, Any]) -> str:
    """The name of the run's files: of runs with other options and features, another one."""
    said = json.dumps([run["options"], run["features"]], sort_keys=True)
    return f"{dataset.name}-{hashlib.sha256(said.encode()).hexdigest()[:10]}"


def _about(
    dataset: Dataset, settings: Settings, listing: Listing, folders: Folders
) -> dict[str, Any]:
    """All that is needed to repeat the run, in values that JSON holds."""
    first = listing.pairs[0]
    features = folders.upright[first.category].info(first.source)
    return {
        "dataset": {
            "name": dataset.name,
            "title": dataset.title,
            "citation": dataset.citation,
            "truth": dataset.truth,
            "settings": _plain(dataset.settings),
            "pairs": len(dataset),
            "published_pairs": dataset.published_pairs,
            "categories": list(dataset.categories),
        },
        "settings": asdict(settings),
        **describe_features(features),
        "counts": {
            "pairs": len(listing.pairs),
            "images": len(folders.sizes),
            **{what: folders.count(what) for what in ("extracted", "redone", "kept")},
        },
        "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a data set as JSON gives them back, without the folder, which decides nothing."""
    kept = {name: value for name, value in settings.items() if name != "root"}
    plain: dict[str, Any] = json.loads(json.dumps(kept, default=str))
    return plain
