"""The features of all images of a run, by the category of the pairs that show them."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ....descriptors import Descriptor
from ..datasets.pair import Picture
from .features import FeatureFolder, Size, descriptor_label
from .listing import Listing
from .progress import Progress


@dataclass(frozen=True, eq=False)
class Folders:
    """Where the features of each category lie, of the images and of their mirror images."""

    upright: Mapping[str, FeatureFolder]
    mirrored: Mapping[str, FeatureFolder]

    @property
    def digest(self) -> str:
        """The identity of the pixels of all images, as a hex digest."""
        listed = sorted((key, size.sha256) for key, size in self.sizes.items())
        return hashlib.sha256(repr(listed).encode()).hexdigest()

    @property
    def sizes(self) -> dict[str, Size]:
        """The size of each image, by key."""
        return {
            key: size
            for folder in dict.fromkeys(self.upright.values())
            for key, size in folder.sizes.items()
        }

    def count(self, what: str) -> int:
        """How many images were `kept`, `extracted` or `redone`."""
        each = {*self.upright.values(), *self.mirrored.values()}
        return sum(folder.counts[what] for folder in each)


def extract_images(
    listing: Listing,
    describe: Descriptor | Callable[[str], Descriptor],
    folder: Path,
    *,
    mirrored: bool,
    lossless: bool,
    progress: Progress,
    written: Callable[[FeatureFolder, str], None] = lambda folder, key: None,
) -> Folders:
    """Make sure that the features of all images of the pairs are in files below `folder`.

    `describe` makes the descriptor of a category, where it is none itself; one of them is held at
    a time. With `mirrored` the mirror images of all sources are described as well; with `lossless`
    features are not rounded. `written`
    is called with the folder and the key of what was extracted and written.
    """
    # One descriptor at a time: with several, each may be a network.
    jobs: list[tuple[Callable[[], Descriptor], list[str], Mapping[str, Picture]]] = []
    if isinstance(describe, Descriptor):
        every = {key: one for images in listing.images.values() for key, one in images.items()}
        only: Descriptor = describe
        jobs.append((lambda: only, list(listing.images), every))
    else:
        jobs += [
            (partial(describe, category), [category], images)
            for category, images in listing.images.items()
        ]
    sources = {pair.source for pair in listing.pairs}
    turns = [False, True] if mirrored else [False]
    folders: dict[bool, dict[str, FeatureFolder]] = {False: {}, True: {}}
    steps = sum(
        sum(key in sources or not turned for key in images)
        for _, _, images in jobs
        for turned in turns
    )
    with progress("features", steps) as advance:
        for make, categories, images in jobs:
            descriptor = make()
            label = descriptor_label(descriptor)
            for turned in turns:
                own = FeatureFolder(folder, label, mirrored=turned, lossless=lossless)
                wanted = {key: one for key, one in images.items() if not turned or key in sources}
                own.fill(descriptor, wanted, advance=advance, written=written)
                folders[turned].update(dict.fromkeys(categories, own))
            del descriptor
    return Folders(folders[False], folders[True])
