"""A folder with the features of every image of a data set, each extracted once."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import xarray as xr

from ....descriptors import Descriptor, Image
from ....descriptors.errors import (
    FeatureFileError,
    InvalidFeaturesError,
    OutOfMemoryError,
    OutputError,
)
from ....descriptors.runtime.atomic import remove_abandoned, writing
from ....descriptors.runtime.code import code_digest
from ....descriptors.store import (
    FeatureInfo,
    load_features,
    read_feature_info,
    save_features,
    why_extract,
)
from ...pose import mirror_image
from ..datasets.pair import Picture
from .progress import Advance, ignore
from .threads import in_order_of_completion


@dataclass(frozen=True)
class Known:
    """What is known of an image whose features are there.

    Its size without padding, and the hash of the pixels that were described.
    """

    height: int
    width: int
    sha256: str


class FeatureFolder:
    """Feature trees of the images of a data set, extracted once and kept in files.

    A file goes by the key of its image, which unlike a base name is unique, below a folder that
    goes by what the descriptor's layers say of themselves: model, state of the weights, settings.
    Several descriptors can share a folder, and none takes another's features for its own: `label`
    is what `descriptor_label` gives. Features of the mirror images, and lossless ones, lie in
    folders of their own.
    """

    def __init__(
        self, folder: Path, label: str, *, mirrored: bool = False, lossless: bool = False
    ) -> None:
        self.mirrored = mirrored
        self.lossless = lossless
        self.label = label
        kinds = {"lossless": lossless, "mirrored": mirrored}
        self.folder = folder / "-".join([label, *(kind for kind, one in kinds.items() if one)])
        self.known: dict[str, Known] = {}
        self.counts = {"kept": 0, "extracted": 0, "redone": 0}

    def path(self, key: str) -> Path:
        """Where the features of the image of this key lie.

        Raises `OutputError` for a key that leads out of the folder.
        """
        parts = PurePosixPath(key).parts
        if not parts or ".." in parts or PurePosixPath(key).is_absolute():
            raise OutputError(f"{key!r} is no name of an image within a data set")
        return self.folder.joinpath(*parts[:-1], f"{parts[-1]}.nc")

    def fill(
        self,
        describe: Descriptor,
        images: Mapping[str, Picture],
        *,
        workers: int = 1,
        advance: Advance = ignore,
        written: Callable[["FeatureFolder", str], None] = lambda folder, key: None,
    ) -> None:
        """Make sure that the features of these images are there.

        A file that is there is kept if it is whole, of the same pixels, and made with the same
        settings and weights; otherwise the image is extracted, one at a time, so that features
        don't depend on what else is extracted. Meanwhile `workers` threads read images and look at
        files. `advance` is called with the key of each image when its turn comes, `written` with
        this folder and the key once its features were written. Raises `ImageError` or
        `OutputError` for what can't be read or written; `OutOfMemoryError`, when all others are
        done, for images that memory does not suffice for.
        """
        for folder in dict.fromkeys(self.path(key).parent for key in images):
            with writing(folder, "the folder can't be made"):
                folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(folder, ".nc")

        failures: dict[str, MemoryError] = {}

        def look(key: str) -> tuple[Known, Image | None, str | None] | MemoryError:
            try:
                return self._look(describe, key, images[key])
            except MemoryError as error:
                return error

        with closing(in_order_of_completion(look, images, workers)) as outcomes:
            for key, outcome in outcomes:
                advance(key)
                if isinstance(outcome, MemoryError):
                    failures[key] = outcome
                    continue
                known, image, why = outcome
                if image is not None:
                    try:
                        tree = describe.extract([image])[0]
                    except MemoryError as error:
                        failures[key] = error
                        continue
                    if tree.attrs["image_sha256"] != image.sha256:
                        raise InvalidFeaturesError(
                            f"the features of {key} say that they are of another image",
                            hint="extract must label each tree with the image that it was given",
                        )
                    save_features(tree, self.path(key), lossless=self.lossless)
                self.known[key] = known
                if image is not None:
                    written(self, key)
                self.counts["kept" if why is None else "redone" if why else "extracted"] += 1
        if failures:
            names = ", ".join(sorted(failures)[:10])
            raise OutOfMemoryError(
                f"not enough memory for {len(failures)} of {len(images)} images: {names}",
                hint="free some, or scale them down; the features of the other images are kept",
            )

    def info(self, key: str) -> FeatureInfo:
        """What the features of an image say of themselves."""
        return read_feature_info(self.path(key))

    def load(self, key: str) -> xr.DataTree:
        """The feature tree of an image whose features are there: `fill` has seen it.

        Raises `FeatureFileError` if the file was changed since.
        """
        tree = load_features(self.path(key))
        if tree.attrs["image_sha256"] != self.known[key].sha256:
            raise FeatureFileError(
                f"{self.path(key)}: was made of another image while the evaluation ran",
                hint="run it again, with a folder of its own for the features",
            )
        return tree

    def _look(
        self, describe: Descriptor, key: str, picture: Picture
    ) -> tuple[Known, Image | None, str | None]:
        image = mirror_image(picture.read()) if self.mirrored else picture.read()
        rows, columns = picture.padding
        known = Known(image.height - rows, image.width - columns, image.sha256)
        why = why_extract(self.path(key), image, describe)
        return known, None if why is None else image, why


def descriptor_label(describe: Descriptor) -> str:
    """What the features of a descriptor go by, as in `sift-3f2a9c0d41`.

    It depends on what the layers say of themselves, as in `Descriptor.recipe`; for a descriptor
    that can't tell, on its `repr`; and on the code of classes that are not descr's own.
    """
    recipe = describe.recipe
    if recipe is None:
        name, said = type(describe).__name__.lower(), repr(describe)
    else:
        name = "-".join(dict.fromkeys(path.partition("/")[0] for path in recipe))
        said = json.dumps(recipe, sort_keys=True, default=str)
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
    said += code_digest(describe)
    return f"{plain[:40]}-{hashlib.sha256(said.encode()).hexdigest()[:10]}"
