"""What the data sets of Proposal Flow share; and PF-WILLOW, 900 pairs with ten keypoints each."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ....descriptors.settings import check_choice
from .annotations import DatasetError, fields_of, read_rows
from .base import Dataset, Entry
from .pair import Pair, Picture

POINTS = 10
POINT_NAMES = tuple(str(number) for number in range(1, POINTS + 1))


class ProposalFlow(Dataset):
    """A data set of Proposal Flow, its pairs in a CSV file.

    The origin of an entry is its row of the list, which begins with the paths of both images.

    Args:
        root: The folder of the data set.
        category: As in `Dataset`.
        first_pixel: What the annotations call the centre of the top-left pixel. They were made with
            MATLAB, and the code that the pair lists come from (Rocco et al., CVPR 2017, normalises
            coordinates by x - 1) reads them from 1; evaluations since take the numbers as they
            stand, as 0 does.
    """

    citation = (
        "B. Ham, M. Cho, C. Schmid, J. Ponce: Proposal Flow: Semantic Correspondences from Object "
        "Proposals. TPAMI 40(7), 2018"
    )
    website = "https://www.di.ens.fr/willow/research/proposalflow/"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        category: str | Sequence[str] | None = None,
        first_pixel: int = 1,
    ) -> None:
        super().__init__(root, category=category)
        self.first_pixel = check_choice("first_pixel", first_pixel, (0, 1))

    def _find_list(self, names: Sequence[str], what: str) -> Path:
        """The list of pairs, by the first of the names that it goes by; `what` is in the hint."""
        for name in names:
            if (self.folder / name).is_file():
                return self.folder / name
        raise DatasetError(
            f"{self.title}: {self.root} has no list of pairs {names[0]}",
            hint=f"{what} to be had at "
            "https://www.di.ens.fr/willow/research/cnngeometric/other_resources/",
        )

    def _image(self, written: str) -> tuple[str, Path]:
        """Key and path of an image by its path in the list, which begins above the root."""
        key = "/".join(PurePosixPath(written.replace("\\", "/")).parts[-2:])
        return key, self.folder / key

    def _points(self, x: Any, y: Any) -> npt.NDArray[np.float64]:
        """float64 (point, 2) of numbers as they stand in the list."""
        if len(x) != len(y):
            raise ValueError(f"{len(x)} x and {len(y)} y")
        points = np.column_stack([np.asarray(x, np.float64), np.asarray(y, np.float64)])
        if not np.isfinite(points).all():
            raise ValueError("a coordinate is not finite")
        return points - self.first_pixel


class PFWillow(ProposalFlow):
    """PF-WILLOW in its original folders.

    The categories are its folders, as in `car(S)`. The box is that of the ten points, from which
    the published thresholds are taken.

    Args:
        root: The folder PF-dataset, which holds a folder per category and test_pairs_pf.csv. A row
            of that list holds both paths, then x and then y of the ten points of the first image,
            and the same for the second.
        category, first_pixel: As in `ProposalFlow`.
    """

    name = "pf-willow"
    title = "PF-WILLOW"
    published: ClassVar = {"": 900}

    @property
    def _list_file(self) -> Path:
        return self._find_list(("test_pairs_pf.csv", "test_pairs.csv"), "the list is")

    def _list(self) -> Iterator[Entry]:
        path = self._list_file
        rows = read_rows(path)
        with fields_of(path):
            images = [[Path(self._image(cell)[0]) for cell in row[:2]] for row in rows]
            stems = [f"{source.stem}-{target.stem}" for source, target in images]
            for name, row, (source, _) in zip(numbered(stems), rows, images, strict=True):
                yield Entry(name, source.parent.name, origin=row)

    def _read(self, entry: Entry) -> Pair:
        row = entry.origin
        with fields_of(self._list_file):
            numbers = [float(cell) for cell in row[2:]]
            if len(numbers) != 4 * POINTS:
                raise ValueError(f"{entry.name} has {len(numbers)} numbers, not {4 * POINTS}")
            source = self._picture(row[0], numbers[: 2 * POINTS])
            target = self._picture(row[1], numbers[2 * POINTS :])
        return Pair(entry.name, entry.category, source, target, POINT_NAMES)

    def _picture(self, written: str, numbers: list[float]) -> Picture:
        points = self._points(numbers[:POINTS], numbers[POINTS:])
        (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        key, path = self._image(written)
        return Picture(path, key, points=points, box=(left, top, right, bottom))


def numbered(names: Sequence[str]) -> Iterator[str]:
    """Unique names of pairs: the row of the list, from 1, before source and target."""
    width = len(str(len(names)))
    for row, name in enumerate(names, start=1):
        yield f"{row:0{width}d}-{name}"
