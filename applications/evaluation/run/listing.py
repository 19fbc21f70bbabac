"""The pairs of a run: what is needed of each while it is matched, and nothing more."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..datasets import Dataset
from ..datasets.inventory import Inventory
from ..datasets.pair import Box, Pair, Picture
from .progress import Advance, ignore


@dataclass(frozen=True, eq=False)
class Listed:
    """One pair of a run, at its place in the list of the data set; the rest is as in `Pair`.

    `source` and `target` are the keys of the images, `box` is that of the target. Of the points
    only the common ones are kept, float64 (point, 2). `mirrored_points` are the places in the
    source of those that take their place in its mirror image, NaN where they aren't visible in
    both images; None where the data set doesn't say.
    """

    place: int
    name: str
    category: str
    source: str
    target: str
    source_points: npt.NDArray[np.float64]
    target_points: npt.NDArray[np.float64]
    point_names: tuple[str, ...] = ()
    mirrored_points: npt.NDArray[np.float64] | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    box: Box | None = None

    @classmethod
    def of(cls, place: int, pair: Pair) -> "Listed":
        """What a run keeps of a pair."""
        common = pair.common
        mirrored = None
        if pair.mirrored is not None:
            visible = np.where(common[:, None], pair.source.points, np.nan)
            mirrored = visible[list(pair.mirrored)][common]
        names = pair.point_names
        return cls(
            place=place,
            name=pair.name,
            category=pair.category,
            source=pair.source.key,
            target=pair.target.key,
            source_points=pair.source.points[common],
            target_points=pair.target.points[common],
            point_names=tuple(names[n] for n in np.flatnonzero(common)) if names else (),
            mirrored_points=mirrored,
            flags=dict(pair.flags),
            box=pair.target.box,
        )


@dataclass(frozen=True, eq=False)
class Listing:
    """The pairs of a run, in the order of the data set.

    `images` are by category of the pairs that show them, and key; `given` are the files of the
    masks that answers are made from: those of the first frames of videos.
    """

    pairs: tuple[Listed, ...]
    images: Mapping[str, Mapping[str, Picture]]
    given: tuple[Path, ...] = ()

    @classmethod
    def read(
        cls,
        dataset: Dataset,
        places: Iterable[int],
        advance: Advance = ignore,
    ) -> "Listing":
        """The pairs at these places, their annotations read, their files there.

        Raises `DatasetError` with what is missing.
        """
        pairs: list[Listed] = []
        images: dict[str, dict[str, Picture]] = {}
        given: dict[Path, None] = {}
        files = Inventory(dataset.folder, title=dataset.title, hint=dataset.hint("copy it again"))
        for place in places:
            advance(dataset.entries[place].name)
            pair = dataset[place]
            pairs.append(Listed.of(place, pair))
            for picture in (pair.source, pair.target):
                images.setdefault(pair.category, {})[picture.key] = picture
                files.need(picture.path)
                if picture.mask is not None and dataset.truth != "points":
                    files.need(picture.mask)
            if pair.flow is not None:
                files.need(pair.flow)
            if dataset.truth == "masks" and pair.source.mask is not None:
                given[pair.source.mask] = None
        files.raise_if_incomplete()
        return cls(tuple(pairs), images, tuple(given))

    @cached_property
    def digest(self) -> str:
        """The identity of all that is known of the pairs, as a hex digest."""
        said = hashlib.sha256()
        for pair in self.pairs:
            words = (pair.name, pair.category, pair.source, pair.target, *pair.point_names)
            said.update(repr((words, pair.box)).encode())
            said.update(pair.source_points.tobytes() + pair.target_points.tobytes())
            if pair.mirrored_points is not None:
                said.update(pair.mirrored_points.tobytes())
        for path in self.given:
            said.update(hashlib.sha256(path.read_bytes()).digest())
        return said.hexdigest()


def batches(pairs: Iterable[Listed], most: int) -> list[list[int]]:
    """Places among the pairs, in the order of work, in runs of at most `most` with one target.

    Category by category, target by target, and the sources of each target in the opposite order
    of those before, so that what was used last is used again soon. The order depends on the pairs
    alone.
    """
    targets: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for place, pair in enumerate(pairs):
        targets.setdefault((pair.category, pair.target), []).append((pair.source, place))
    runs: list[list[int]] = []
    for turn, key in enumerate(sorted(targets)):
        ordered = [place for _, place in sorted(targets[key], reverse=bool(turn % 2))]
        runs += [ordered[first : first + most] for first in range(0, len(ordered), most)]
    return runs


def usable_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
