"""PF-PASCAL: pairs of photographs of the 20 categories of PASCAL VOC, with keypoints."""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.io

from ....descriptors.settings import check_choice
from .annotations import DatasetError, fields_of, read_rows
from .base import Entry
from .pair import Box, Pair, Picture
from .proposal_flow import ProposalFlow, numbered

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
"""In the order of the class numbers of the lists, which count from 1."""
# The lists go by these names: of the usual distribution first.
_LISTS = {
    "trn": ("train_pairs_pf_pascal.csv", "trn_pairs_pf_pascal.csv", "trn_pairs.csv"),
    "val": ("val_pairs_pf_pascal.csv", "val_pairs.csv"),
    "test": ("test_pairs_pf_pascal.csv", "test_pairs.csv"),
}


class PFPascal(ProposalFlow):
    """PF-PASCAL in its original folders.

    The lists of `val` and `test` hold the points that both images show. That of `trn` holds none:
    its points come from Annotations, and the rows that ask for a mirrored image are left out, since
    there is no such file. Boxes come from Annotations, and are None without that folder.

    Args:
        root: The folder that holds JPEGImages and test_pairs_pf_pascal.csv.
        category, first_pixel: As in `ProposalFlow`.
        split: `trn`, `val` or `test`.
    """

    name = "pf-pascal"
    title = "PF-PASCAL"
    published: ClassVar = {"val": 308, "test": 299}

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        category: str | Sequence[str] | None = None,
        split: str = "test",
        first_pixel: int = 1,
    ) -> None:
        super().__init__(root, category=category, first_pixel=first_pixel)
        self.split = check_choice("split", split, ("trn", "val", "test"))
        self._annotations: dict[Path, tuple[npt.NDArray[np.float64], Box]] = {}

    @property
    def _list_file(self) -> Path:
        return self._find_list(_LISTS[self.split], "the lists are")

    def _list(self) -> Iterator[Entry]:
        path = self._list_file
        rows = [row for row in read_rows(path) if self.split != "trn" or row[3:4] != ["1"]]
        with fields_of(path):
            stems = [f"{_stem(row[0])}-{_stem(row[1])}" for row in rows]
            for name, row in zip(numbered(stems), rows, strict=True):
                number = int(row[2])
                if not 1 <= number <= len(CLASSES):
                    raise ValueError(f"class {number} is not from 1 to {len(CLASSES)}")
                yield Entry(name, CLASSES[number - 1], origin=row)

    def _read(self, entry: Entry) -> Pair:
        row = entry.origin
        (source_key, source), (target_key, target) = map(self._image, row[:2])
        notes = [self._annotation(entry.category, path.stem) for path in (source, target)]
        if self.split == "trn":
            if not self._has_annotations:
                raise DatasetError(
                    f"{self.title}: {self.root} has no folder Annotations, where the points of "
                    f"{entry.name} would be",
                    hint=self.hint("it is part of the data set"),
                )
            points = [note[0] for note in notes if note]
            both = np.isfinite(points[0] + points[1]).all(axis=1)
            points = [one[both] for one in points]
        else:
            with fields_of(self._list_file):
                numbers = [[float(one) for one in cell.split(";")] for cell in row[3:7] if cell]
                points = [np.empty((0, 2))] * 2
                if numbers:
                    points = [self._points(*numbers[:2]), self._points(*numbers[2:])]
                if len(points[0]) != len(points[1]):
                    raise ValueError(f"{entry.name} has {len(points[0])} and {len(points[1])}")
        boxes = [note[1] if note else None for note in notes]
        return Pair(
            entry.name,
            entry.category,
            Picture(source, source_key, points[0], boxes[0]),
            Picture(target, target_key, points[1], boxes[1]),
        )

    @cached_property
    def _has_annotations(self) -> bool:
        return (self.folder / "Annotations").is_dir()

    def _annotation(self, category: str, stem: str) -> tuple[npt.NDArray[np.float64], Box] | None:
        """The points and the box of an image, where the folder has them."""
        if not self._has_annotations:
            return None
        path = self.folder / "Annotations" / category / f"{stem}.mat"
        if path not in self._annotations:
            arrays = _read_mat(path)
            with fields_of(path):
                points = np.asarray(arrays["kps"], np.float64).reshape(-1, 2) - self.first_pixel
                left, top, right, bottom = (
                    float(value) - self.first_pixel for value in np.ravel(arrays["bbox"])
                )
                self._annotations[path] = points, (left, top, right, bottom)
        return self._annotations[path]

    def _files(self) -> Iterator[Path]:
        for entry in self.entries:
            for written in entry.origin[:2]:
                image = self._image(written)[1]
                yield image
                if self._has_annotations or self.split == "trn":
                    yield self.folder / "Annotations" / entry.category / f"{image.stem}.mat"


def _stem(written: str) -> str:
    return Path(written.replace("\\", "/")).stem


def _read_mat(path: Path) -> dict[str, Any]:
    try:
        return dict(scipy.io.loadmat(path))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:
        # Whatever the decoder raises on a damaged file is about that file.
        raise DatasetError(
            f"{path} is not a MATLAB file: {error}", hint="it is damaged: copy it again"
        ) from error
