"""TSS: 400 pairs of photographs with a dense flow between their objects, in both directions."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import ImageError
from ....descriptors.image.decoding import MAX_PIXELS, open_header
from ....descriptors.settings import check_choice
from .annotations import DatasetError, read_text
from .base import Dataset, Entry
from .pair import Pair, Picture

FOREGROUND = 255
"""The mask's value where the flow is known; smoothed borders of the mask have others."""


class TSS(Dataset):
    """TSS in its original folders, every pair in both directions.

    The categories are the subsets FG3DCar, JODS and PASCAL. The flow starts from the pixels of the
    target and leads into the source; mask and flow lie on the target. `flags["flip"]` is 1 where
    the data set notes that the objects face opposite ways; flow and images are as they stand, not
    mirrored.

    Args:
        root: The folder TSS_CVPR2016, which holds the subsets.
        category: As in `Dataset`: subsets.
        pad: Whether the two images of a pair are padded to one size before anything else, at the
            right and at the bottom with black, as by Zhang et al., "A Tale of Two Features"
            (NeurIPS 2023). A padded image goes by another key, as in
            `JODS/Bird_01/image1.png@640x480`; the truth and the sizes stay those of the images
            without padding. Headers of images are then read with the pairs.
    """

    name = "tss"
    title = "TSS"
    citation = (
        "T. Taniai, S. N. Sinha, Y. Sato: Joint Recovery of Dense Correspondence and "
        "Cosegmentation in Two Images. CVPR 2016"
    )
    website = "https://taniai.space/projects/cvpr16_dccs/"
    truth = "flow"
    flow_lies_on = "target"
    published: ClassVar = {"FG3DCar": 390, "JODS": 162, "PASCAL": 248}
    """How many pairs each subset has, counting both directions."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        category: str | Sequence[str] | None = None,
        pad: bool = False,
    ) -> None:
        super().__init__(root, category=category)
        self.pad = check_choice("pad", pad, (True, False))

    @property
    def published_pairs(self) -> int | None:
        """How many pairs, counting both directions, the chosen subsets have."""
        return sum(self.published[subset] for subset in self.category or self.published)

    def mask(self, picture: Picture) -> npt.NDArray[np.bool_]:
        """Where the flow is known, bool (height, width): the mask's value is 255."""
        return np.asarray(self.labels(picture) == FOREGROUND)

    def _list(self) -> Iterator[Entry]:
        subsets = [subset for subset in self.published if (self.folder / subset).is_dir()]
        if not subsets:
            self._need_folder(next(iter(self.published)))
        for subset in subsets:
            for folder in sorted(self.folder.joinpath(subset).iterdir()):
                if folder.is_dir() and not folder.name.startswith("."):
                    for source, target in ((1, 2), (2, 1)):
                        name = f"{subset}/{folder.name}:{source}-{target}"
                        yield Entry(name, subset, origin=(folder, source, target))

    def _read(self, entry: Entry) -> Pair:
        folder, source, target = entry.origin
        return Pair(
            name=entry.name,
            category=entry.category,
            source=self._picture(folder, source),
            target=replace(self._picture(folder, target), mask=folder / f"mask{target}.png"),
            flags={"flip": _flip(folder / "flip_gt.txt")},
            flow=folder / f"flow{target}.flo",
        )

    def _picture(self, folder: Path, number: int) -> Picture:
        path = folder / f"image{number}.png"
        key = self._key(path)
        if not self.pad:
            return Picture(path, key)
        own, other = (_size(folder / f"image{one}.png") for one in (number, 3 - number))
        height, width = map(max, own, other)
        padding = height - own[0], width - own[1]
        return Picture(path, f"{key}@{width}x{height}" if any(padding) else key, padding=padding)

    def _folders(self) -> Iterator[Path]:
        for subset in self.category or self.published:
            yield self.folder / subset


def _size(path: Path) -> tuple[int, int]:
    """Height and width of an image, by its header."""
    try:
        with open_header(path, MAX_PIXELS) as (image, _):
            return image.height, image.width
    except ImageError:
        # What is missing is told when it is looked for, what is damaged when it is read.
        return 0, 0


def _flip(path: Path) -> str:
    # Some copies lack the note; the evaluation kit of the data set then takes 0.
    if not path.is_file():
        return "0"
    text = read_text(path).strip()
    if text not in ("0", "1"):
        raise DatasetError(f"{path} holds {text[:20]!r} where 0 or 1 is expected")
    return text
