"""TSS: 400 pairs of photographs with a dense flow between their objects, in both directions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from ..pair import Pair, Picture
from .annotations import DatasetError, read_text
from .base import Dataset, Entry

SUBSETS = ("FG3DCar", "JODS", "PASCAL")
PUBLISHED = {"FG3DCar": 390, "JODS": 162, "PASCAL": 248}
FOREGROUND = 255
"""The mask's value where the flow is known; smoothed borders of the mask have others."""


@dataclass(frozen=True)
class _Entry(Entry):
    folder: Path
    source: int


class TSS(Dataset):
    """TSS in its original folders, every pair in both directions.

    The categories are the subsets FG3DCar, JODS and PASCAL. The flow starts from the pixels of the
    target and leads into the source; mask and flow lie on the target. `flags["flip"]` is 1 where
    the data set notes that the objects face opposite ways; flow and images are as they stand, not
    mirrored.

    Parameters
    ----------
    root:
        The folder TSS_CVPR2016, which holds the subsets.
    category:
        As in `Dataset`: subsets.
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

    @property
    def published_pairs(self) -> int | None:
        """How many pairs, counting both directions, the chosen subsets have."""
        return sum(PUBLISHED[subset] for subset in self.category or SUBSETS)

    def mask(self, picture: Picture) -> npt.NDArray[np.bool_]:
        """Where the flow is known, bool (height, width): the mask's value is 255."""
        return np.asarray(self.labels(picture) == FOREGROUND)

    def _list(self) -> Iterator[_Entry]:
        there = [subset for subset in SUBSETS if (self.folder / subset).is_dir()]
        if not there:
            self._need_folder(SUBSETS[0])
        for subset in there:
            for folder in sorted(self.folder.joinpath(subset).iterdir()):
                if folder.is_dir() and not folder.name.startswith("."):
                    for source, target in ((1, 2), (2, 1)):
                        name = f"{subset}/{folder.name}:{source}-{target}"
                        yield _Entry(name, subset, folder, source)

    def _read(self, entry: Entry) -> Pair:
        entry = cast(_Entry, entry)
        target = 3 - entry.source
        folder, key = entry.folder, f"{entry.category}/{entry.folder.name}"
        return Pair(
            name=entry.name,
            category=entry.category,
            source=Picture(folder / f"image{entry.source}.png", f"{key}/image{entry.source}.png"),
            target=Picture(
                folder / f"image{target}.png",
                f"{key}/image{target}.png",
                mask=folder / f"mask{target}.png",
            ),
            flags={"flip": _flip(folder / "flip_gt.txt")},
            flow=folder / f"flow{target}.flo",
        )

    def _folders(self) -> Iterator[Path]:
        for subset in self.category or SUBSETS:
            yield self.folder / subset

    def _files(self) -> Iterator[Path]:
        for entry in self.entries:
            folder = cast(_Entry, entry).folder
            for number in (1, 2):
                yield folder / f"image{number}.png"
                yield folder / f"mask{number}.png"
                yield folder / f"flow{number}.flo"


def _flip(path: Path) -> str:
    # Some copies lack the note; the evaluation kit of the data set then takes 0.
    if not path.is_file():
        return "0"
    text = read_text(path).strip()
    if text not in ("0", "1"):
        raise DatasetError(f"{path} holds {text[:20]!r} where 0 or 1 is expected")
    return text
