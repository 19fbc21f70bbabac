"""The pairs of a run: which they are, and in which order they are worked on."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ....descriptors.errors import OptionError
from ....descriptors.settings import check_int
from ..datasets import Dataset
from ..datasets.inventory import Inventory
from ..datasets.pair import Pair, Picture
from .settings import Settings
from .workers import Advance, Progress, ignore


@dataclass(frozen=True, eq=False)
class Listing:
    """The pairs of a run, in the order of the data set.

    `images` are by category of the pairs that show them, and key; `first_masks` are the files that
    answers are made from: the masks of the first frames of videos.
    """

    pairs: tuple[Pair, ...]
    images: Mapping[str, Mapping[str, Picture]]
    first_masks: tuple[Path, ...] = ()

    @classmethod
    def read(cls, dataset: Dataset, places: Iterable[int], advance: Advance = ignore) -> "Listing":
        """The pairs at these places, their annotations read, their files there.

        Raises `DatasetError` with what is missing.
        """
        pairs: list[Pair] = []
        images: dict[str, dict[str, Picture]] = {}
        first_masks: dict[Path, None] = {}
        files = Inventory(dataset.folder, title=dataset.title, hint=dataset.hint("copy it again"))
        for place in places:
            advance(dataset.entries[place].name)
            pairs.append(pair := dataset[place])
            for picture in (pair.source, pair.target):
                images.setdefault(pair.category, {})[picture.key] = picture
                files.need(picture.path)
                if picture.mask is not None and dataset.truth != "points":
                    files.need(picture.mask)
            if pair.flow is not None:
                files.need(pair.flow)
            if dataset.truth == "masks" and pair.source.mask is not None:
                first_masks[pair.source.mask] = None
        files.raise_if_incomplete()
        return cls(tuple(pairs), images, tuple(first_masks))

    def absolute(self) -> "Listing":
        """The same with absolute paths, for processes that run in another folder."""
        images = {
            category: {key: picture.absolute() for key, picture in of_category.items()}
            for category, of_category in self.images.items()
        }
        pairs = (
            replace(pair, source=pair.source.absolute(), target=pair.target.absolute())
            for pair in self.pairs
        )
        return replace(self, pairs=tuple(pairs), images=images)

    @cached_property
    def digest(self) -> str:
        """The identity of all that is known of the pairs, as a hex digest."""
        digest = hashlib.sha256()
        for pair in self.pairs:
            words = (pair.name, pair.category, pair.source.key, pair.target.key)
            digest.update(repr(((*words, *pair.common_names), pair.target.box)).encode())
            for points in (pair.source_points, pair.target_points, pair.mirrored_points):
                digest.update(b"" if points is None else points.tobytes())
        for path in self.first_masks:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def read_listing(dataset: Dataset, settings: Settings, progress: Progress) -> Listing:
    """The pairs of a run, or of the sample that the settings ask for, their files there.

    Raises `DatasetError` with what is missing, and `OptionError` where aligned poses would mix up
    points on the left and on the right, since a pair doesn't say which are which.
    """
    entries = dataset.entries
    places: Sequence[int] = range(len(entries))
    if not entries:
        dataset.check()
    if settings.sample is not None:
        names, categories = zip(*((one.name, one.category) for one in entries), strict=True)
        places = sample_pairs(names, categories, settings.sample, settings.seed)
    with progress("pairs", len(places)) as advance:
        listing = Listing.read(dataset, places, advance)
    for pair in listing.pairs if settings.align_pose else ():
        unknown = len(pair.source_points) and pair.mirrored_points is None
        if unknown and not settings.accept_mirrored_parts:
            raise OptionError(
                f"{dataset.title} doesn't say which points of {pair.category} are left and right "
                "of each other, so that a mirrored source would mix them up",
                hint="go without pose alignment, or accept mirrored parts where left and right "
                "may be exchanged",
            )
    return listing


def batches(pairs: Iterable[Pair], most: int) -> list[list[int]]:
    """Places among the pairs, in the order of work, in runs of at most `most` with one target.

    Category by category, target by target, and the sources of each target in the opposite order
    of those before, so that what was used last is used again soon. The order depends on the pairs
    alone.
    """
    targets: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for place, pair in enumerate(pairs):
        key = pair.category, pair.target.key
        targets.setdefault(key, []).append((pair.source.key, place))
    runs: list[list[int]] = []
    for turn, key in enumerate(sorted(targets)):
        ordered = [place for _, place in sorted(targets[key], reverse=bool(turn % 2))]
        runs += [ordered[first : first + most] for first in range(0, len(ordered), most)]
    return runs


def sample_pairs(
    names: Sequence[str], categories: Sequence[str], count: int, seed: int = 0
) -> list[int]:
    """Places of `count` different pairs in the list, ascending, stratified by category.

    Each category gets its share of the pairs, rounded by the largest remainders, so that none is
    off by a pair or more. Which of them are drawn depends on the seed and on their names alone,
    which are unique: they are the same on every machine, and a larger sample of a category holds
    the smaller one. Raises `OptionError` for more pairs than there are, or fewer than one.
    """
    check_int("sample", count, minimum=1)
    check_int("seed", seed, minimum=0)
    total = len(categories)
    if count > total:
        raise OptionError(
            f"sample is {count}, and there are {total} pairs",
            hint="leave it out to take all of them",
        )
    members: dict[str, list[int]] = {}
    for place, category in enumerate(categories):
        members.setdefault(category, []).append(place)
    shares = {name: count * len(places) // total for name, places in members.items()}
    # Integers, so that equal remainders are equal; among those the name decides.
    remainders = sorted(members, key=lambda name: (-(count * len(members[name]) % total), name))
    for name in remainders[: count - sum(shares.values())]:
        shares[name] += 1

    def lot(place: int) -> bytes:
        # Looks random; unlike the streams of generators it will never change.
        return hashlib.sha256(f"{seed}:{names[place]}".encode()).digest()

    chosen = (sorted(places, key=lot)[: shares[name]] for name, places in members.items())
    return sorted(place for places in chosen for place in places)
