"""PF-WILLOW: 900 pairs of photographs of four objects, each with ten keypoints."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from .annotations import fields_of, read_rows
from .base import Entry
from .pair import Pair, Picture
from .proposal_flow import ProposalFlow, numbered

POINTS = 10
POINT_NAMES = tuple(str(number) for number in range(1, POINTS + 1))


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
                yield Entry(name, source.parent.name, row)

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
