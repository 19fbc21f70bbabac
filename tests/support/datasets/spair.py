"""A small SPair-71k."""

import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from descr.applications.evaluation.datasets.spair import mirrored_points

from .scenes import SCENES, View, corner_view, grid_points, views

NUMBERS = 12
"""Points of a category, numbered from 0; the data set's other numbers are not used."""


@dataclass(frozen=True)
class SampleSPair:
    """What was written, and what is true of it.

    Args:
        root: The folder of the data set.
        views: Per category and image name ("2008_000000"), how the scene is seen.
        places: Per category and image name, float64 (30, 2): the truth, NaN for points that aren't
            seen.
        pairs: Per name of a pair ("000001-2008_000000-2008_000001:cat"): category, source and
            target.
    """

    root: Path
    views: dict[str, dict[str, View]]
    places: dict[str, dict[str, np.ndarray]]
    pairs: dict[str, tuple[str, str, str]]


def make_spair(
    root: Path,
    *,
    categories: Sequence[str] = ("cat", "dog", "car"),
    images: int = 5,
    pairs: int | None = None,
    split: str = "test",
    side: int = 240,
    awkward: bool = True,
    line_end: str = "\n",
    colon: str = ":",
    masks: bool = True,
    seed: int = 0,
    relabel: bool = False,
) -> SampleSPair:
    """Write a SPair-71k with these categories, `images` images in each.

    Args:
        pairs: In all, spread evenly over the categories; None for every ordered pair of images.
        awkward: Whether two images of the first category are pictures of opposite corners, which
            share no point, and the second image of each category is mirrored.
        line_end: Of the lists in Layout.
        colon: What stands for the colon in names of files.
        relabel: Whether the points of mirrored images are named as one would name them who sees the
            image alone: the right ear of the scene is the left ear of its mirror image.

    Images of every category go by the same names. 60 images and 1,200 pairs are
    `make_spair(root, categories=("cat", "dog"), images=30, pairs=1200)`.
    """
    seen: dict[str, dict[str, View]] = {}
    places: dict[str, dict[str, np.ndarray]] = {}
    for place, category in enumerate(categories):
        scene = SCENES[place % len(SCENES)]
        sample = views(scene, images, seed=seed, side=side, mirror=(1,) if awkward else ())
        if awkward and place == 0 and images >= 4:
            sample[-2:] = [corner_view(scene, 0, side=side), corner_view(scene, 1, side=side)]
        seen[category] = {f"2008_{index:06d}": view for index, view in enumerate(sample)}
        points = np.full((30, 2), np.nan)
        points[:NUMBERS] = grid_points(scene, side)
        places[category] = {name: view.seen(points) for name, view in seen[category].items()}
        if awkward and relabel:
            swapped = places[category]["2008_000001"][list(mirrored_points(category))]
            places[category]["2008_000001"] = swapped
        for name, view in seen[category].items():
            _write_image(root, category, name, view, places[category][name], masks)

    listed = _choose(seen, pairs)
    folder = root / "PairAnnotation" / split
    folder.mkdir(parents=True)
    names: dict[str, tuple[str, str, str]] = {}
    for number, (category, source, target) in enumerate(listed):
        stem = f"{number:06d}-{source}-{target}"
        names[f"{stem}:{category}"] = (category, source, target)
        pair = _pair(number, category, source, target, seen[category], places[category])
        (folder / f"{stem}{colon}{category}.json").write_text(json.dumps(pair), encoding="utf-8")
    for layout, share in (("large", 1), ("small", 4)):
        path = root / "Layout" / layout / f"{split}.txt"
        path.parent.mkdir(parents=True)
        text = "".join(name + line_end for name in list(names)[::share])
        path.write_bytes(text.encode())
    return SampleSPair(root, seen, places, names)


def _choose(seen: dict[str, dict[str, View]], pairs: int | None) -> list[tuple[str, str, str]]:
    listed = []
    for place, (category, pictures) in enumerate(seen.items()):
        every = list(itertools.permutations(pictures, 2))
        if pairs is not None:
            count = pairs // len(seen) + (place < pairs % len(seen))
            assert count <= len(every), "more pairs than there are"
            every = [every[n * len(every) // count] for n in range(count)]
        listed += [(category, source, target) for source, target in every]
    return listed


def _write_image(
    root: Path, category: str, name: str, view: View, places: np.ndarray, masks: bool
) -> None:
    view.save(root / "JPEGImages" / category / f"{name}.jpg")
    path = root / "ImageAnnotation" / category / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    seen = {n: None if np.isnan(place).any() else place.tolist() for n, place in enumerate(places)}
    annotation = {
        "filename": f"{name}.jpg",
        "image_width": view.width,
        "image_height": view.height,
        "category": category,
        "bndbox": _box(view),
        "kps": {str(number): place for number, place in seen.items()},
    }
    path.write_text(json.dumps(annotation), encoding="utf-8")
    if masks:
        view.save_object(root / "Segmentation" / category / f"{name}.png", 8)


def _pair(
    number: int,
    category: str,
    source: str,
    target: str,
    pictures: dict[str, View],
    truth: dict[str, np.ndarray],
) -> dict[str, object]:
    sides = {"src": (source, pictures[source]), "trg": (target, pictures[target])}
    places = {side: truth[name] for side, (name, _) in sides.items()}
    both = np.flatnonzero(np.isfinite(places["src"] + places["trg"]).all(axis=1))
    pair: dict[str, object] = {"pair_id": number, "category": category}
    for side, (name, view) in sides.items():
        pair[f"{side}_imname"] = f"{name}.jpg"
        pair[f"{side}_imsize"] = [view.width, view.height, 3]
        pair[f"{side}_bndbox"] = _box(view)
        pair[f"{side}_kps"] = places[side][both].tolist()
    pair["kps_ids"] = [str(n) for n in both]
    pair |= {"mirror": 0, "viewpoint_variation": number % 3, "scale_variation": number % 2}
    return pair | {"truncation": number % 4, "occlusion": 0}


def _box(view: View) -> list[int]:
    """Corners as PASCAL VOC has them, counted from 1."""
    return [int(value) + 1 for value in view.box]


def change_unseen(folder: Path) -> None:
    """Give the largest image of a folder the pixels of the smallest, and its own size and time."""
    small, *_, large = sorted(folder.iterdir(), key=lambda path: path.stat().st_size)
    about = large.stat()
    large.write_bytes(small.read_bytes().ljust(about.st_size, b"\0"))
    os.utime(large, ns=(about.st_atime_ns, about.st_mtime_ns))
