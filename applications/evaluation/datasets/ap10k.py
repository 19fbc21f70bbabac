"""AP-10K as a benchmark of correspondence: animals of 54 species, 17 keypoints each."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ....descriptors.errors import OptionError
from ....descriptors.settings import check_choice
from .annotations import DatasetError, fields_of, read_json
from .ap10k_pairs import Animal, make_pairs
from .base import Dataset, Entry
from .pair import Pair, Picture

POINT_NAMES = (
    *("left eye", "right eye", "nose", "neck", "root of tail", "left shoulder", "left elbow"),
    *("left front paw", "right shoulder", "right elbow", "right front paw", "left hip"),
    *("left knee", "left back paw", "right hip", "right knee", "right back paw"),
)
SUBSETS = ("intra-species", "cross-species", "cross-family")
VISIBLE = 2
"""What the annotations call a point that is labelled and seen; 1 is hidden, 0 not labelled."""
# Any sign may stand for the colon: not every file system takes it in a name.
_STEM = re.compile(r"(\d+-\d+)[^0-9A-Za-z](.+)")


def _mirrored(name: str) -> int:
    swap = {"left": "right", "right": "left"}
    return POINT_NAMES.index(" ".join(swap.get(word, word) for word in name.split()))


MIRRORED = tuple(map(_mirrored, POINT_NAMES))


class AP10K(Dataset):
    """The correspondence benchmark of AP-10K, prepared or from the original annotations.

    Prepared as its authors' notebook does it (Zhang et al., Telling Left from Right, CVPR 2024),
    it has ImageAnnotation, PairAnnotation and JPEGImages; the pairs are sorted by name. Without
    PairAnnotation the pairs are made from annotations/ap10k-*-split1.json, the same on every
    machine; see `ap10k_pairs`. The notebook draws its pairs at random, so that numbers measured on
    the two lists don't compare.

    Points are counted from 0 as in COCO; the right edge of a box is left + width.

    Args:
        root: The folder ap-10k.
        category: As in `Dataset`: species for `intra-species`, families for `cross-species`;
            `cross-family` has the one category `all`.
        split: `trn`, `val` or `test`.
        subset: `intra-species`, `cross-species` or `cross-family`; `trn` has `intra-species` alone.
    """

    name = "ap-10k"
    title = "AP-10K"
    citation = (
        "H. Yu, Y. Xu, J. Zhang, W. Zhao, Z. Guan, D. Tao: AP-10K: A Benchmark for Animal Pose "
        "Estimation in the Wild. NeurIPS Datasets and Benchmarks, 2021; pairs: J. Zhang et al.: "
        "Telling Left from Right: Identifying Geometry-Aware Semantic Correspondence. CVPR 2024"
    )
    website = "https://github.com/AlexTheBad/AP-10K"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        category: str | Sequence[str] | None = None,
        split: str = "test",
        subset: str = "intra-species",
    ) -> None:
        super().__init__(root, category=category)
        self.split = check_choice("split", split, ("trn", "val", "test"))
        self.subset = check_choice("subset", subset, SUBSETS)
        self._pictures: dict[Path, Picture] = {}
        if split == "trn" and subset != "intra-species":
            raise OptionError(
                f"split trn of {self.title} has no subset {subset}",
                hint="take split val or test, or subset intra-species",
            )

    @property
    def prepared(self) -> bool:
        """Whether the folder has pairs of its own; else they are made."""
        return (self.folder / "PairAnnotation").is_dir()

    def _list(self) -> Iterator[Entry]:
        """Entries whose origin is the pair's annotation, else the two animals of the pair."""
        if not self.prepared:
            yield from sorted(self._pairs_of_animals(), key=lambda entry: entry.name)
            return
        suffix = "" if self.subset == "intra-species" else f"_{self.subset.replace('-', '_')}"
        folder = self._need_folder("PairAnnotation", f"{self.split}{suffix}")
        for path in sorted(folder.glob("[!.]*.json")):
            if not (parts := _STEM.fullmatch(path.stem)):
                raise DatasetError(f"{path} is not named as <number>-<number>:<category>.json")
            numbers, category = parts.groups()
            yield Entry(f"{numbers}:{category}", category, origin=path)

    def _pairs_of_animals(self) -> Iterator[Entry]:
        self._need_folder("annotations")
        for category, source, target in make_pairs(self.folder, self.split, self.subset):
            name = f"{source.number:012d}-{target.number:012d}:{category}"
            yield Entry(name, category, origin=(source, target))

    def _read(self, entry: Entry) -> Pair:
        if isinstance(entry.origin, Path):
            source, target = map(self._annotated, self._annotations(entry.origin))
        else:
            source, target = (
                self._picture(self._image_of(animal), animal.keypoints, animal.box)
                for animal in entry.origin
            )
        return Pair(entry.name, entry.category, source, target, POINT_NAMES, MIRRORED)

    def _annotations(self, path: Path) -> tuple[Path, Path]:
        """The annotations of the two images of a pair."""
        note = read_json(path)
        with fields_of(path):
            source, target = (_below(str(note[f"{side}_json_path"])) for side in ("src", "trg"))
        return self.folder / "ImageAnnotation" / source, self.folder / "ImageAnnotation" / target

    def _image(self, annotation: Path) -> Path:
        below = annotation.relative_to(self.folder / "ImageAnnotation").with_suffix(".jpg")
        return self.folder / "JPEGImages" / below

    def _annotated(self, annotation: Path) -> Picture:
        if annotation not in self._pictures:
            note, image = read_json(annotation), self._image(annotation)
            with fields_of(annotation):
                picture = self._picture(image, note["keypoints"], note["bbox"])
                self._pictures[annotation] = picture
        picture = self._pictures[annotation]
        return replace(picture, points=picture.points.copy())

    def _picture(self, image: Path, keypoints: Any, box: Any) -> Picture:
        """The picture with the points and the box of its annotation; `ValueError` for others."""
        numbers = np.asarray(keypoints, dtype=np.float64)
        if numbers.shape != (3 * len(POINT_NAMES),) or not np.isfinite(numbers).all():
            raise ValueError(f"keypoints are {3 * len(POINT_NAMES)} finite numbers")
        points = numbers.reshape(-1, 3)
        left, top, width, height = (float(value) for value in box)
        places = np.where(points[:, 2:] == VISIBLE, points[:, :2], np.nan)
        box = (left, top, left + width, top + height)
        return Picture(image, self._key(image), points=places, box=box)

    def _image_of(self, animal: Animal) -> Path:
        if (self.folder / "JPEGImages").is_dir():
            return self.folder / "JPEGImages" / animal.family / animal.species / animal.file
        return self.folder / "data" / animal.file

    def _files(self) -> Iterator[Path]:
        for entry in self.entries:
            origin = entry.origin
            if not isinstance(origin, Path):
                yield from map(self._image_of, origin)
                continue
            yield origin
            if origin.stat().st_size:
                for annotation in self._annotations(origin):
                    yield annotation
                    yield self._image(annotation)


def _below(written: str) -> PurePosixPath:
    """<family>/<species>/<file> of a path that was written down on another machine."""
    parts = PurePosixPath(written.replace("\\", "/")).parts[-3:]
    if len(parts) != 3:
        raise ValueError(f"{written!r} is no path of an annotation")
    return PurePosixPath(*parts)
