"""How many mutual matches of XFeat and of SIFT are right.

    python benchmarks/xfeat.py

Every pair has a truth: photographs of scikit-image and what they become when they are seen in
perspective, turned and darkened, and its `stereo_motorcycle` with its disparity. A match is right
if it ends within so many pixels of the truth. The first number is for one cell of SIFT.
"""

import sys
from collections.abc import Iterator

import cv2
import numpy as np
from borders import Picture, Truth, stereo_pair
from descr.descriptors import SIFT, Descriptor, XFeat
from descr.matchers import MutualNearestNeighbor, to_matches
from rich.console import Console
from rich.table import Table
from skimage import data

PHOTOGRAPHS = ("astronaut", "coffee", "rocket")
DEGREES = (12, 25)
LIGHT = 0.6
WITHIN = (8, 4)
CORNERS = np.float32([[0.04, 0.06], [-0.08, 0.02], [-0.02, -0.05], [0.07, -0.03]])
"""How far perspective moves the corners, in parts of width and height."""


def warped_pair(photograph: Picture, degrees: float) -> tuple[Picture, Picture, Truth]:
    """A photograph, another view of it, and where points (n, 2) of the first are in the second."""
    height, width = photograph.shape[:2]
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]]) - np.float32(0.5)
    moved = corners + CORNERS * np.float32([width, height])
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    homography = np.vstack([turn, [0, 0, 1]]) @ cv2.getPerspectiveTransform(corners, moved)
    view = cv2.warpPerspective(photograph, homography, (width, height))

    def truth(points: np.ndarray) -> np.ndarray:
        return cv2.perspectiveTransform(points[None], homography)[0]

    return photograph, (view * LIGHT).astype(np.uint8), truth


def pairs() -> Iterator[tuple[str, tuple[Picture, Picture, Truth]]]:
    """Every pair, by what the table calls it."""
    for degrees in DEGREES:
        for name in PHOTOGRAPHS:
            yield f"{name}, turned by {degrees}", warped_pair(getattr(data, name)(), degrees)
    yield "stereo_motorcycle", stereo_pair()


def score(describe: Descriptor, first: Picture, second: Picture, truth: Truth) -> str:
    """How many matches there are whose truth is known, and how many per cent are right."""
    matches = to_matches(MutualNearestNeighbor()(*describe(first, second)))
    source, target = (
        np.stack([matches[f"{side}_x"], matches[f"{side}_y"]], axis=1)
        for side in ("source", "target")
    )
    error = np.hypot(*(truth(source) - target).T)
    error = error[np.isfinite(error)]
    right = " / ".join(f"{100 * np.mean(error <= pixels):.1f}" for pixels in WITHIN)
    return f"{len(error):,}: {right}"


def main() -> int:
    """Print the table."""
    descriptors = {"xfeat": XFeat(device="cpu"), "sift": SIFT()}
    table = Table("pair", *descriptors)
    for name, pair in pairs():
        table.add_row(name, *(score(describe, *pair) for describe in descriptors.values()))
    print(f"mutual matches, and per cent within {WITHIN} pixels of the truth")
    Console(width=100).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
