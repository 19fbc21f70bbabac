"""A small AP-10K, as it is distributed and prepared for correspondence."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .scenes import View, corner_view, grid_points, views

SPECIES = {
    "cat": ("Felidae", "chelsea"),
    "king cheetah": ("Felidae", "astronaut"),
    "dog": ("Canidae", "coffee"),
}
CROWDED = 4
"""The image of each species, counted from 0, that shows a second animal in the original."""
POORLY_LABELLED = 5
"""The image of each species of which two points alone are labelled."""


@dataclass(frozen=True)
class SampleAP10K:
    """What was written, and what is true of it.

    Args:
        root: The folder of the data set.
        views: Per number of an image, its species and how the scene is seen.
        places: Per number of an image, float64 (17, 2), NaN for points that aren't seen.
    """

    root: Path
    views: dict[int, tuple[str, View]]
    places: dict[int, np.ndarray]

    def numbers(self, species: str) -> list[int]:
        """The images of a species."""
        return [number for number, (name, _) in self.views.items() if name == species]


def make_ap10k(root: Path, *, images: int = 4, side: int = 120) -> SampleAP10K:
    """Write an AP-10K as it is distributed: data/ and annotations/, in three files.

    With more than CROWDED or POORLY_LABELLED images, those are among them.
    """
    sample = _animals(root, images, side)
    kinds = {name: n for n, name in enumerate(SPECIES, start=1)}
    documents = [
        {
            "images": [],
            "annotations": [],
            "categories": [
                {"id": n, "name": name, "supercategory": SPECIES[name][0]}
                for name, n in kinds.items()
            ],
        }
        for _ in range(3)
    ]
    for place, (number, (species, view)) in enumerate(sample.views.items()):
        view.save(root / "data" / f"{number:012d}.jpg")
        document = documents[place % 3]
        document["images"].append(_image(number, view))
        index = sample.numbers(species).index(number)
        for _ in range(2 if index == CROWDED else 1):
            note = _note(sample, number) | {"image_id": number, "category_id": kinds[species]}
            document["annotations"].append(note | {"id": len(document["annotations"])})
    folder = root / "annotations"
    folder.mkdir(parents=True)
    for part, document in zip(("train", "val", "test"), documents, strict=True):
        (folder / f"ap10k-{part}-split1.json").write_text(json.dumps(document))
    return sample


def make_prepared_ap10k(
    root: Path, *, images: int = 3, split: str = "test", side: int = 120, colon: str = ":"
) -> SampleAP10K:
    """Write an AP-10K prepared for correspondence: every ordered pair of each subset.

    Paths within the annotations begin with data/ap-10k, where the authors' code is run.
    """
    sample = _animals(root, images, side)
    for number, (species, view) in sample.views.items():
        family = SPECIES[species][0]
        view.save(root / "JPEGImages" / family / species / f"{number:012d}.jpg")
        path = root / "ImageAnnotation" / family / species / f"{number:012d}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        note = _note(sample, number) | _image(number, view)
        path.write_text(json.dumps(note | {"name": species, "supercategory": family}))
    for source, target in itertools.permutations(sample.views, 2):
        one, other = sample.views[source][0], sample.views[target][0]
        if one == other:
            suffix, category = "", one
        elif SPECIES[one][0] == SPECIES[other][0]:
            suffix, category = "_cross_species", SPECIES[one][0]
        else:
            suffix, category = "_cross_family", "all"
        folder = root / "PairAnnotation" / f"{split}{suffix}"
        folder.mkdir(parents=True, exist_ok=True)
        pair = {
            f"{side}_json_path": "data/ap-10k/ImageAnnotation/"
            f"{SPECIES[name][0]}/{name}/{number:012d}.json"
            for side, name, number in (("src", one, source), ("trg", other, target))
        }
        name = f"{source:012d}-{target:012d}{colon}{category}.json"
        (folder / name).write_text(json.dumps(pair))
    return sample


def _animals(root: Path, images: int, side: int) -> SampleAP10K:
    sample = SampleAP10K(root, {}, {})
    for place, (species, (_, scene)) in enumerate(SPECIES.items()):
        points = grid_points(scene, side, columns=6)[:17]
        seen = views(scene, images, seed=place, side=side, mirror=(1,))
        if images > 2:
            seen[2] = corner_view(scene, 0, side=side)
        for index, view in enumerate(seen):
            number = 100 * (place + 1) + index
            sample.views[number] = (species, view)
            sample.places[number] = view.seen(points)
            if index == POORLY_LABELLED:
                sample.places[number][2:] = np.nan
    return sample


def _image(number: int, view: View) -> dict[str, object]:
    size = {"width": view.width, "height": view.height}
    return {"id": number, "file_name": f"{number:012d}.jpg", **size}


def _note(sample: SampleAP10K, number: int) -> dict[str, object]:
    places = sample.places[number]
    seen = np.isfinite(places).all(axis=1)
    keypoints = np.column_stack([np.where(seen[:, None], places, 0), seen * 2])
    left, top, right, bottom = sample.views[number][1].box
    return {
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int(seen.sum()),
        "bbox": [left, top, right - left, bottom - top],
        "iscrowd": 0,
    }
