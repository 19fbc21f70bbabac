"""The features of all images of a run, each extracted once and kept in a file."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ....descriptors import Descriptor, FeatureStore
from ....descriptors.errors import FeatureFileError, OutOfMemoryError
from ....descriptors.features.tensors import Features
from ....descriptors.runtime.code import code_digest
from ....descriptors.store import FeatureInfo, Outcome, read_feature_info
from ....descriptors.store.store import ImageSource
from ...pose import mirror_image
from ..datasets.pair import Picture
from .listing import Listing
from .workers import Advance, Progress

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class Size:
    """The height and width of an image without padding, and the hash of the described pixels."""

    height: int
    width: int
    sha256: str


class FeatureFolder:
    """The features of the images of a data set, extracted once and kept in a `FeatureStore`.

    Its folder goes by `label`, which is what `descriptor_label` gives, so that several descriptors
    can share `folder`, and none takes another's features for its own. Features of mirror images,
    and lossless ones, lie in folders of their own. Those of the images in `sizes` are there.
    """

    def __init__(
        self, folder: Path, label: str, *, mirrored: bool = False, lossless: bool = False
    ) -> None:
        self.mirrored = mirrored
        self.lossless = lossless
        self.label = label
        kinds = {"lossless": lossless, "mirrored": mirrored}
        self.folder = folder / "-".join([label, *(kind for kind, one in kinds.items() if one)])
        self.sizes: dict[str, Size] = {}
        self.counts = {"kept": 0, "extracted": 0, "redone": 0}

    def fill(
        self,
        describe: Descriptor,
        images: Mapping[str, Picture],
        advance: Advance,
        written: Callable[["FeatureFolder", str], None],
        *,
        verify: bool = False,
        client: "Client | None" = None,
    ) -> None:
        """Make sure that the features of these images are there, as `FeatureStore.extract`.

        `verify` and `client` are as there. `advance` is called with the key of each image when its
        features are there, then `written` with this folder and the key if they were written. Raises
        `ImageError` or `OutputError` for what can't be read or written; `OutOfMemoryError`, when
        all others are done, for images that memory does not suffice for.
        """
        failures: list[str] = []

        def note(outcome: Outcome) -> None:
            key = outcome.key
            advance(key)
            if isinstance(outcome.error, OutOfMemoryError):
                failures.append(key)
                return
            if outcome.error is not None:
                raise outcome.error
            rows, columns = images[key].padding
            size = Size(outcome.height - rows, outcome.width - columns, outcome.sha256)
            self.sizes[key] = size
            if outcome.status != "kept":
                written(self, key)
            self.counts[outcome.status] += 1

        store = FeatureStore(self.folder, describe, lossless=self.lossless)
        sources = [(key, self._source(picture)) for key, picture in images.items()]
        # The first image goes alone: features that `written` has no use for are refused with it.
        for some in (sources[:1], sources[1:]):
            store.extract(dict(some), verify=verify, client=client, progress=note)
        if failures:
            names = ", ".join(sorted(failures)[:10])
            raise OutOfMemoryError(
                f"not enough memory for {len(failures)} of {len(images)} images: {names}",
                hint="free some, or scale them down; the features of the other images are kept",
            )

    def info(self, key: str) -> FeatureInfo:
        """What the features of an image say of themselves."""
        return read_feature_info(FeatureStore(self.folder).path(key))

    def load(self, key: str, device: torch.device) -> Features:
        """The features of an image that `fill` has seen, on a device.

        Raises `FeatureFileError` if the file was changed since.
        """
        store = FeatureStore(self.folder)
        features = store.tensors(key, device=device) if key in store else None
        sha256 = self.sizes[key].sha256
        if isinstance(features, Features) and features.image["image_sha256"] == sha256:
            return features
        raise FeatureFileError(
            f"{store.path(key)}: was removed, or made of another image, while the evaluation ran",
            hint="run it again, with a folder of its own for the features",
        )

    def _source(self, picture: Picture) -> ImageSource:
        """The image file, which isn't read where the store has seen it; else what reads it."""
        if self.mirrored:
            return lambda: mirror_image(picture.read())
        return picture.read if any(picture.padding) else picture.path


@dataclass(frozen=True, eq=False)
class Folders:
    """Where the features of each category lie, of the images and of their mirror images."""

    upright: Mapping[str, FeatureFolder]
    mirrored: Mapping[str, FeatureFolder]

    @property
    def digest(self) -> str:
        """The identity of the pixels of all images, as a hex digest."""
        hashes = sorted((key, size.sha256) for key, size in self.sizes.items())
        return hashlib.sha256(repr(hashes).encode()).hexdigest()

    @property
    def sizes(self) -> dict[str, Size]:
        """The size of each image, by key."""
        folders = dict.fromkeys(self.upright.values())
        return {key: size for folder in folders for key, size in folder.sizes.items()}

    def count(self, what: str) -> int:
        """How many images were `kept`, `extracted` or `redone`."""
        folders = {*self.upright.values(), *self.mirrored.values()}
        return sum(folder.counts[what] for folder in folders)


def extract_images(
    listing: Listing,
    describe: Descriptor | Callable[[str], Descriptor],
    folder: Path,
    *,
    mirrored: bool,
    lossless: bool,
    verify: bool,
    client: "Client | None",
    progress: Progress,
    written: Callable[[FeatureFolder, str], None],
) -> Folders:
    """Make sure that the features of all images of the pairs are in files below `folder`.

    `describe` makes the descriptor of a category, where it is none itself. With `mirrored` the
    mirror images of all sources are described as well; with `lossless` features are not rounded.
    `verify`, `client` and `written` are as in `FeatureFolder.fill`.
    """
    jobs = [([category], images) for category, images in listing.images.items()]
    if isinstance(describe, Descriptor):
        every = {key: one for _, images in jobs for key, one in images.items()}
        jobs = [(list(listing.images), every)]
    sources = {pair.source.key for pair in listing.pairs}
    turns = (False, True) if mirrored else (False,)
    folders: dict[bool, dict[str, FeatureFolder]] = {False: {}, True: {}}
    steps = sum(
        key in sources or not turn for _, images in jobs for turn in turns for key in images
    )
    with progress("features", steps) as advance:
        for categories, images in jobs:
            one = describe if isinstance(describe, Descriptor) else describe(categories[0])
            label = descriptor_label(one)
            for turn in turns:
                own = FeatureFolder(folder, label, mirrored=turn, lossless=lossless)
                some = {key: image for key, image in images.items() if not turn or key in sources}
                own.fill(one, some, advance, written, verify=verify, client=client)
                folders[turn].update(dict.fromkeys(categories, own))
            # One descriptor at a time: with several, each may be a network.
            del one
    return Folders(folders[False], folders[True])


def descriptor_label(describe: Descriptor) -> str:
    """What the features of a descriptor go by, as in `sift-3f2a9c0d41`.

    It depends on what the layers say of themselves, as in `Descriptor.recipe`; for a descriptor
    that can't tell, on its `repr`; and on the code of classes that are not descr's own.
    """
    recipe = describe.recipe
    if recipe is None:
        name, settings = type(describe).__name__.lower(), repr(describe)
    else:
        name = "-".join(dict.fromkeys(path.partition("/")[0] for path in recipe))
        settings = json.dumps(recipe, sort_keys=True, default=str)
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
    digest = hashlib.sha256((settings + code_digest(describe)).encode()).hexdigest()
    return f"{plain[:40]}-{digest[:10]}"
