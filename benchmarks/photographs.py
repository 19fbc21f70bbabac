"""Photographs, pairs of them whose truth is known, and how many matches are right."""

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import xarray as xr
from skimage import data

IMAGES = Path(__file__).parent.parent / "docs" / "images"
NAMES = ("astronaut", "coffee", "rocket")
LIGHT = 0.6
CORNERS = np.array([[0.04, 0.06], [-0.08, 0.02], [-0.02, -0.05], [0.07, -0.03]], np.float32)
"""How far perspective moves the corners, in parts of width and height."""

Picture = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float64]
Truth = Callable[[Numbers], Numbers]
Pair = tuple[Picture, Picture, Truth]
"""Two photographs, and where points (n, 2) of the first are in the second, NaN if unknown."""


def photograph(name: str, most: int = 10_000) -> Picture:
    """A picture of scikit-image in RGB, both sides at most so long."""
    image = PIL.Image.fromarray(getattr(data, name)()).convert("RGB")
    image.thumbnail((most, most))
    return np.asarray(image)


def stereo_pair() -> Pair:
    """The stereo pair `stereo_motorcycle`, with its disparity."""
    left, right, disparity = data.stereo_motorcycle()

    def truth(points: Numbers) -> Numbers:
        column, row = np.rint(points).astype(int).T
        shift = np.where(np.isfinite(disparity), disparity, np.nan)[row, column]
        return points - np.stack([shift, np.zeros_like(shift)], axis=1)

    return left, right, truth


def sample_pair() -> Pair:
    """The sample photographs of docs/images, and the homography that they were rendered by."""
    first, second = (
        np.asarray(PIL.Image.open(IMAGES / f"cat{end}.jpg")) for end in ("", "-closer")
    )
    return first, second, runpy.run_path(str(IMAGES / "make_samples.py"))["to_closer"]


def warped_pair(picture: Picture, degrees: float) -> Pair:
    """A photograph, and what it becomes seen in perspective, turned and darkened."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    moved = corners + CORNERS * np.float32([width, height])
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    homography = np.vstack([turn, [0, 0, 1]]) @ cv2.getPerspectiveTransform(corners, moved)
    view = cv2.warpPerspective(picture, homography, (width, height))

    def truth(points: Numbers) -> Numbers:
        return cv2.perspectiveTransform(points[None], homography)[0]

    return picture, (view * LIGHT).astype(np.uint8), truth


def bent_pair(picture: Picture, seed: int = 0, far: float = 0.03) -> Pair:
    """A photograph, and what it becomes bent, smoothly and at random, and darkened.

    The places of a grid of 4 x 5 are moved by `far` diagonals (standard deviation).
    """
    height, width = picture.shape[:2]
    size = far * float(np.hypot(height, width))
    waves = np.random.default_rng(seed).normal(size=(4, 5, 2)).astype(np.float32) * size
    shift = cv2.resize(waves, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    at = x + shift[:, :, 0], y + shift[:, :, 1]
    view = cv2.remap(picture, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)

    def truth(points: Numbers) -> Numbers:
        # The view is read at `place + shift(place)`: solved for the place, step by step.
        places = points
        for _ in range(50):
            row, column = np.rint(places[:, ::-1]).astype(int).clip(0, (height - 1, width - 1)).T
            places = points - shift[row, column]
        return places

    return picture, (view * LIGHT).astype(np.uint8), truth


def pairs(*angles: float, names: tuple[str, ...] = NAMES) -> Iterator[tuple[str, Pair]]:
    """Photographs turned by each angle, in degrees, and the stereo pair, by name."""
    for degrees in angles:
        for name in names:
            yield f"{name}, turned by {degrees:g}", warped_pair(photograph(name), degrees)
    yield "stereo_motorcycle", stereo_pair()


def ends(matches: xr.Dataset, side: str) -> Numbers:
    """The points (n, 2) of matches in the `source` or the `target` image."""
    return np.stack([matches[f"{side}_{axis}"].values for axis in "xy"], axis=1)


def errors(matches: xr.Dataset, truth: Truth) -> Numbers:
    """How far each match (n,) ends from where it should, in pixels; NaN where that is unknown."""
    return np.hypot(*(truth(ends(matches, "source")) - ends(matches, "target")).T)


def shares(error: Numbers, within: tuple[int, ...]) -> str:
    """How many errors are known, and how many per cent of them are within each limit."""
    error = error[np.isfinite(error)]
    if not len(error):
        return "0"
    right = " / ".join(f"{100 * np.mean(error <= pixels):.1f}" for pixels in within)
    return f"{len(error):,}: {right}"
