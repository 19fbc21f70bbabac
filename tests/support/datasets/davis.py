"""A small DAVIS 2017."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image

from .scenes import View, views

VIDEOS = {"blackswan": "astronaut", "camel": "chelsea"}


@dataclass(frozen=True)
class SampleDavis:
    """What was written: the labels of each frame, uint8 (height, width), per video."""

    root: Path
    labels: dict[str, list[np.ndarray]]


def make_davis(
    root: Path, *, frames: int = 4, split: str = "val", side: int = 96, line_end: str = "\n"
) -> SampleDavis:
    """Write a DAVIS 2017 of two videos, each of a scene that drifts, with two objects.

    The objects are the left and the right half of the scene's middle; all frames but the first
    have a strip of void pixels across both.
    """
    sample = SampleDavis(root, {})
    for name, scene in VIDEOS.items():
        start = views(scene, 1, side=side)[0]
        sample.labels[name] = []
        for frame in range(frames):
            drift = np.array([[1.0, 0, 2 * frame], [0, 1, frame], [0, 0, 1]])
            view = View(scene, drift @ start.matrix, start.width, start.height, side)
            labels = _labels(view)
            if frame:
                labels[view.height // 2 :][:3] = 255
            sample.labels[name].append(labels)
            view.save(root / "JPEGImages" / "480p" / name / f"{frame:05d}.jpg")
            path = root / "Annotations" / "480p" / name / f"{frame:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = PIL.Image.fromarray(labels, "P")
            image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [90, 90, 90] * 253)
            image.save(path)
    lists = root / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / f"{split}.txt").write_bytes("".join(n + line_end for n in VIDEOS).encode())
    return sample


def _labels(view: View) -> np.ndarray:
    """1 on the left half of the object, 2 on the right half, 0 elsewhere."""
    left, _, right, _ = view.box
    half = np.where(np.arange(view.width) < (left + right) / 2, 1, 2)
    return np.where(view.object, half, 0).astype(np.uint8)
