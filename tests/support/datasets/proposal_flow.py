"""A small PF-PASCAL and a small PF-WILLOW."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io

from .scenes import SCENES, View, corner_view, grid_points, views

PASCAL_CLASSES = {"bird": 3, "cat": 8, "tvmonitor": 20}
"""The numbers of three classes, which count from 1."""


@dataclass(frozen=True)
class SamplePF:
    """What was written, and what is true of it.

    Args:
        root: The folder of the data set.
        rows: Of the list of pairs, in order: category, source, target.
        views: Per category and image name, how the scene is seen.
        points: Per category, float64 (point, 2), places in the scene.
    """

    root: Path
    rows: list[tuple[str, str, str]]
    views: dict[str, dict[str, View]]
    points: dict[str, np.ndarray]


def make_pf_pascal(
    root: Path,
    *,
    images: int = 3,
    split: str = "test",
    side: int = 120,
    annotations: bool = True,
    line_end: str = "\n",
) -> SamplePF:
    """Write a PF-PASCAL of three classes; `root` is best called PF-dataset-PASCAL.

    The last two images of the first class share no point. All numbers count from 1.
    """
    sample = SamplePF(root, [], {}, {})
    for place, category in enumerate(PASCAL_CLASSES):
        scene = SCENES[place]
        seen = views(scene, images, side=side, mirror=(1,))
        if place == 0:
            seen += [corner_view(scene, corner, side=side) for corner in (0, 1)]
        sample.points[category] = grid_points(scene, side)
        sample.views[category] = {f"2010_{place}{n:05d}": view for n, view in enumerate(seen)}
        for name, view in sample.views[category].items():
            view.save(root / "JPEGImages" / f"{name}.jpg")
            if annotations:
                _write_mat(root / "Annotations" / category / f"{name}.mat", view, sample, category)
        pairs = itertools.permutations(sample.views[category], 2)
        sample.rows.extend((category, source, target) for source, target in pairs)
    if split == "trn":
        header = "source_image,target_image,class,flip"
        rows = [
            f"{_path(source)},{_path(target)},{PASCAL_CLASSES[category]},{flip}"
            for category, source, target in sample.rows
            for flip in (0, 1)
        ]
    else:
        header = "source_image,target_image,class,XA,YA,XB,YB"
        rows = [_row(sample, *row) for row in sample.rows]
    name = "train" if split == "trn" else split
    text = line_end.join([header, *rows, ""])
    (root / f"{name}_pairs_pf_pascal.csv").write_bytes(text.encode())
    return sample


def make_pf_willow(
    root: Path, *, images: int = 3, side: int = 120, line_end: str = "\n"
) -> SamplePF:
    """Write a PF-WILLOW of two categories; `root` is best called PF-dataset.

    Images go by the same names in both. All numbers count from 1.
    """
    sample = SamplePF(root, [], {}, {})
    for category, scene in (("car(S)", "coffee"), ("winebottle(wC)", "chelsea")):
        sample.points[category] = grid_points(scene, side, columns=5, rows=2)
        seen = views(scene, images, side=side)
        sample.views[category] = {f"image_{n:04d}": view for n, view in enumerate(seen)}
        for name, view in sample.views[category].items():
            view.save(root / category / f"{name}.png")
        pairs = itertools.permutations(sample.views[category], 2)
        sample.rows.extend((category, source, target) for source, target in pairs)
    numbers = [f"{axis}{side}{n}" for side in "AB" for axis in "XY" for n in range(1, 11)]
    rows = [",".join(["imageA", "imageB", *numbers])]
    for category, *names in sample.rows:
        cells = [f"PF-dataset/{category}/{name}.png" for name in names]
        for name in names:
            places = sample.views[category][name].place(sample.points[category]) + 1
            cells += [repr(float(value)) for value in places.T.ravel()]
        rows.append(",".join(cells))
    (root / "test_pairs_pf.csv").write_bytes(line_end.join([*rows, ""]).encode())
    return sample


def _path(name: str) -> str:
    return f"PF-dataset-PASCAL/JPEGImages/{name}.jpg"


def _row(sample: SamplePF, category: str, source: str, target: str) -> str:
    seen = [sample.views[category][name].seen(sample.points[category]) for name in (source, target)]
    both = np.isfinite(seen[0] + seen[1]).all(axis=1)
    numbers = [
        ";".join(repr(float(value)) for value in places[both, axis] + 1)
        for places in seen
        for axis in (0, 1)
    ]
    return ",".join([_path(source), _path(target), str(PASCAL_CLASSES[category]), *numbers])


def _write_mat(path: Path, view: View, sample: SamplePF, category: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    note = {
        "kps": view.seen(sample.points[category]) + 1,
        "bbox": np.array([view.box]) + 1,
        "imsize": np.array([[view.width, view.height]]),
    }
    scipy.io.savemat(path, note)
