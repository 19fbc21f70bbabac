"""SPair-71k: 70,958 pairs of photographs of 18 categories, with keypoints."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ....descriptors.settings import check_choice
from .annotations import DatasetError, fields_of, points_array, read_json, read_lines
from .base import Dataset, Entry
from .pair import Box, Pair, Picture

POINTS = 30
"""Points are numbered from 0; no category uses all of the numbers."""
FLAGS = {
    "viewpoint": "viewpoint_variation",
    "scale": "scale_variation",
    "truncation": "truncation",
    "occlusion": "occlusion",
}

# File systems without a colon in names write another sign in its place: 7-Zip "_", Samba and macOS
# a sign of the private area.
_COLON = re.compile("[:_\uf022\uf03a-]")
_NAMES = tuple(str(number) for number in range(POINTS))
_SWAPS: Mapping[str, list[tuple[int, int]]] = tomllib.loads(
    Path(__file__).with_name("spair_mirrored.toml").read_text(encoding="utf-8")
)


@cache
def mirrored_points(category: str) -> tuple[int, ...] | None:
    """For each of the 30 points the one in its place in the mirror image; None if not known.

    A point on the axis, and a number that the category doesn't use, is its own.
    """
    if category not in _SWAPS:
        return None
    places = list(range(POINTS))
    for one, other in _SWAPS[category]:
        places[one], places[other] = other, one
    return tuple(places)


class SPair71k(Dataset):
    """SPair-71k in its original folders.

    Every pair lists the data set's 30 numbered points, NaN where a point isn't visible. Visible in
    both images are exactly the points that the pair's annotation lists; the others come from the
    annotations of the images, so that each image has all of its own points.

    Points are taken as they stand, from (0, 0) on, as in published evaluations. Boxes are those of
    PASCAL VOC, which counts from 1: one pixel is taken off.

    Args:
        root: The folder that holds JPEGImages, ImageAnnotation and PairAnnotation.
        category: As in `Dataset`.
        split: `trn`, `val` or `test`.
        layout: `large` is the whole data set, `small` the lists of its smaller variant in
            Layout/small. Without a folder Layout every annotated pair of the split is taken.
    """

    name = "spair-71k"
    title = "SPair-71k"
    citation = (
        "J. Min, J. Lee, J. Ponce, M. Cho: SPair-71k: A Large-scale Benchmark for Semantic "
        "Correspondence. arXiv:1908.10543, 2019"
    )
    website = "https://cvlab.postech.ac.kr/research/SPair-71k/"
    published: ClassVar = {"trn": 53_340, "val": 5_384, "test": 12_234}

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        category: str | Sequence[str] | None = None,
        split: str = "test",
        layout: str = "large",
    ) -> None:
        super().__init__(root, category=category)
        self.split = check_choice("split", split, ("trn", "val", "test"))
        self.layout = check_choice("layout", layout, ("large", "small"))
        self._images: dict[tuple[str, str], Picture] = {}

    @property
    def published_pairs(self) -> int | None:
        """How many pairs the split has; None for a choice of categories or the small layout."""
        return super().published_pairs if self.layout == "large" else None

    def _list(self) -> Iterator[Entry]:
        for name, path in sorted(self._annotated.items()):
            yield Entry(name, name.rpartition(":")[2], origin=path)

    @cached_property
    def _annotated(self) -> dict[str, Path]:
        """Path of the annotation of each listed pair, whether it exists or not, by name."""
        folder = self._need_folder("PairAnnotation", self.split)
        there = {_name(one.stem): one for one in folder.glob("[!.]*.json")}
        lists = self.folder / "Layout"
        if not lists.is_dir():
            if self.layout != "large":
                raise DatasetError(
                    f"{self.title}: {self.root} has no folder Layout, "
                    f"and so no layout {self.layout}"
                )
            return there
        names = map(_name, read_lines(lists / self.layout / f"{self.split}.txt"))
        return {name: there.get(name, folder / f"{name}.json") for name in names}

    def _read(self, entry: Entry) -> Pair:
        note = read_json(entry.origin)
        with fields_of(entry.origin):
            numbers = [int(number) for number in note["kps_ids"]]
            if len(set(numbers)) != len(numbers) or not all(0 <= n < POINTS for n in numbers):
                raise ValueError(f"kps_ids are different numbers below {POINTS}, not {numbers}")
            sides = [_side(note, side, numbers) for side in ("src", "trg")]
            category = str(note["category"])
            if category != entry.category:
                raise ValueError(f"category is {category}, by the file's name {entry.category}")
            flags = {flag: str(note[key]) for flag, key in FLAGS.items() if key in note}
        images = [self._image(category, image) for image, _, _ in sides]
        points = [image.points.copy() for image in images]
        # What both images show but the pair doesn't list is no common point of the pair.
        unlisted = np.ones(POINTS, dtype=bool)
        unlisted[numbers] = False
        points[1][unlisted & np.isfinite(points[0] + points[1]).all(axis=1)] = np.nan
        for place, (_, _, listed) in zip(points, sides, strict=True):
            place[numbers] = listed
        source, target = (
            replace(image, points=place, box=box)
            for image, place, (_, box, _) in zip(images, points, sides, strict=True)
        )
        mirrored = mirrored_points(category)
        return Pair(entry.name, category, source, target, _NAMES, mirrored, flags)

    def _image(self, category: str, name: str) -> Picture:
        """An image with all of its points, (30, 2), NaN where they aren't visible."""
        # It is one of many pairs, and paths take longer to make than pairs to read.
        if (category, name) not in self._images:
            path, annotation, *masks = self._paths(category, name)
            listed = read_json(annotation)
            points = np.full((POINTS, 2), np.nan)
            with fields_of(annotation):
                for number, place in listed["kps"].items():
                    if place is not None:
                        points[int(number)] = points_array([place])[0]
            key = f"JPEGImages/{category}/{name}"
            picture = Picture(path, key, points=points, mask=masks[0] if masks else None)
            self._images[category, name] = picture
        return self._images[category, name]

    def _paths(self, category: str, name: str) -> list[Path]:
        """The file of an image, its annotation, and its mask if the folder has masks."""
        kinds = {"JPEGImages": Path(name).suffix, "ImageAnnotation": ".json"}
        kinds |= {"Segmentation": ".png"} if self._has_masks else {}
        below = Path(category, name)
        return [self.folder / kind / below.with_suffix(suffix) for kind, suffix in kinds.items()]

    @cached_property
    def _has_masks(self) -> bool:
        return (self.folder / "Segmentation").is_dir()

    def _files(self) -> Iterator[Path]:
        images = set()
        for entry in self.entries:
            yield (path := entry.origin)
            if not path.is_file() or not path.stat().st_size:
                continue
            note = read_json(path)
            with fields_of(path):
                category = str(note["category"])
                images |= {(category, str(note[f"{side}_imname"])) for side in ("src", "trg")}
        for image in images:
            yield from self._paths(*image)


def _name(stem: str) -> str:
    """The name of a pair with its colon, from a file's stem in which it may be another sign."""
    last = [match.start() for match in _COLON.finditer(stem)][-1:]
    return f"{stem[: last[0]]}:{stem[last[0] + 1 :]}" if last else stem


def _side(
    note: dict[str, Any], side: str, numbers: list[int]
) -> tuple[str, Box, npt.NDArray[np.float64]]:
    listed = points_array(note[f"{side}_kps"])
    if len(listed) != len(numbers):
        raise ValueError(f"{side}_kps has {len(listed)} points, kps_ids {len(numbers)}")
    left, top, right, bottom = (float(value) - 1 for value in note[f"{side}_bndbox"])
    return str(note[f"{side}_imname"]), (left, top, right, bottom), listed
