"""Pairs of animals made from the original annotations of AP-10K, the same on every machine.

The rules are those of the benchmark (Zhang et al., Telling Left from Right, CVPR 2024, section 5,
and the notebook that prepares it), with every random choice replaced:

- One animal per image with at least three labelled points. Images with several animals are left
  out: those that the benchmark's list ap-10k_is_crowd.txt names where that file lies in the folder,
  else those with several annotations.
- Of a species' animals, in the order of their numbers, the last 30 are for `test`, of the rest the
  last 20 for `val`, and the others for `trn`.
- The two animals of a pair show at least three points in common.
- `intra-species`: every pair of one species; for `trn` at most 50 per animal.
- `cross-species`: pairs of two species of one family, at most 900 of a family, 400 for `val`.
- `cross-family`: at most 30 pairs of any two families, 20 for `val`.

Where there are more, they are taken evenly spaced from the sorted list. The animal of the lower
number is the source in every other pair, the target in the others.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .annotations import DatasetError, fields_of, read_json, read_lines

FILES = tuple(f"ap10k-{part}-split1.json" for part in ("train", "val", "test"))
CROWDS = "ap-10k_is_crowd.txt"
COMMON = 3
"""Points that two animals show in common, at least; also those that an animal has labelled."""
_TEST, _VAL = 30, 20
_MOST = {"cross-species": {"val": 400, "test": 900}, "cross-family": {"val": 20, "test": 30}}


@dataclass(frozen=True, eq=False)
class Animal:
    """One annotated animal: the image's number and file, and the annotation as it stands."""

    number: int
    file: str
    family: str
    species: str
    keypoints: Sequence[float]
    box: Sequence[float]

    @cached_property
    def visible(self) -> npt.NDArray[np.int64]:
        """int64 (17,): 1 for each point that is seen."""
        return np.asarray(np.asarray(self.keypoints)[2::3] == 2, dtype=np.int64)


Group: TypeAlias = list[Animal]


def make_pairs(folder: Path, split: str, subset: str) -> Iterator[tuple[str, Animal, Animal]]:
    """Category, source and target of each pair of the split, sorted.

    Raises `DatasetError` if the annotations are missing or damaged.
    """
    animals: dict[tuple[str, str], Group] = defaultdict(list)
    for animal in _animals(folder):
        animals[animal.family, animal.species].append(animal)
    species = {key: _part(members, split) for key, members in animals.items()}
    for category, pairs, most in _pools(species, split, subset):
        count = min(most, len(pairs))
        for place in range(count):
            pair = pairs[place * len(pairs) // count]
            source, target = sorted(pair, key=lambda one: one.number, reverse=place % 2 == 1)
            yield category, source, target


def _pools(
    species: Mapping[tuple[str, str], Group], split: str, subset: str
) -> Iterator[tuple[str, list[tuple[Animal, Animal]], int]]:
    """Category, every pair that there may be, and how many of them are taken at most."""
    if subset == "intra-species":
        for (_, name), members in sorted(species.items(), key=lambda item: item[0][1]):
            each = 50 if split == "trn" else len(members)
            yield name, _common(members, members, ordered=True), each * len(members)
        return
    families: dict[str, list[Group]] = defaultdict(list)
    for (family, _), members in sorted(species.items()):
        families[family].append(members)
    most = _MOST[subset][split]
    if subset == "cross-species":
        for family, groups in families.items():
            yield family, [pair for a, b in combinations(groups, 2) for pair in _common(a, b)], most
        return
    whole = [[animal for group in groups for animal in group] for groups in families.values()]
    for one, other in combinations(whole, 2):
        yield "all", _common(one, other), most


def _animals(folder: Path) -> Group:
    files = [folder / "annotations" / name for name in FILES]
    if missing := [path.name for path in files if not path.is_file()]:
        raise DatasetError(
            f"AP-10K: {folder / 'annotations'} lacks {', '.join(missing)}",
            hint="they are to be had at https://github.com/AlexTheBad/AP-10K",
        )
    animals: dict[int, Animal] = {}
    labelled: dict[int, int] = {}
    count: Counter[int] = Counter()
    for path in files:
        document = read_json(path)
        with fields_of(path):
            images = {int(image["id"]): str(image["file_name"]) for image in document["images"]}
            kinds = {
                int(kind["id"]): (str(kind["supercategory"]), str(kind["name"]))
                for kind in document["categories"]
            }
            for note in document["annotations"]:
                number = int(note["image_id"])
                count[number] += 1
                if number not in animals:
                    kind = kinds[int(note["category_id"])]
                    points, box = note["keypoints"], note["bbox"]
                    animals[number] = Animal(number, images[number], *kind, points, box)
                    labelled[number] = int(note["num_keypoints"])
    crowds = {number for number, times in count.items() if times > 1}
    if (path := folder / CROWDS).is_file():
        with fields_of(path):
            crowds = set(map(int, read_lines(path))) or crowds
    return [
        animal
        for number, animal in sorted(animals.items())
        if number not in crowds and labelled[number] >= COMMON
    ]


def _part(members: Group, split: str) -> Group:
    test = max(len(members) - _TEST, 0)
    val = max(test - _VAL, 0)
    return {"trn": members[:val], "val": members[val:test], "test": members[test:]}[split]


def _common(one: Group, other: Group, *, ordered: bool = False) -> list[tuple[Animal, Animal]]:
    """Pairs with enough points in common; with `ordered`, of one group, each pair once."""
    if not one or not other:
        return []
    enough = np.stack([a.visible for a in one]) @ np.stack([b.visible for b in other]).T >= COMMON
    if ordered:
        enough = np.triu(enough, 1)
    return [(one[row], other[column]) for row, column in np.argwhere(enough).tolist()]
