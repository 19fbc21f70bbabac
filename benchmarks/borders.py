"""What SIFT finds near the border of an image, by what its descriptors see beyond it.

    python benchmarks/borders.py

Each cell of the first image is matched with the second by mutual nearest neighbours, and compared
with the truth: the disparity of scikit-image's `stereo_motorcycle`, and the homography that the
sample pair of docs/images was rendered by. Three ways to treat descriptors that leave the image:

cut
    Pixels beyond it do not count, as OpenCV does it: bins stay empty.
dropped
    There is no cell where one of the 4 x 4 bins leaves the image.
reflected
    The image goes on as its reflection: descr's SIFT.

A match of a place that the second image does not show is wrong whatever a descriptor does; such
matches are counted apart.
"""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr
from descr.descriptors import SIFT, read_image
from descr.matchers import MutualNearestNeighbor, to_matches
from rich.console import Console
from rich.table import Table
from skimage import data

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SCALES = ((1,), (1, 2, 4))
WITHIN = (2, 4, 8)
NEAR = (8, 16)

Picture = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float64]
Truth = Callable[[Numbers], Numbers]


def stereo_pair() -> tuple[Picture, Picture, Truth]:
    """Two photographs, and where points (n, 2) of the first are in the second, NaN if unknown."""
    left, right, disparity = data.stereo_motorcycle()

    def truth(points: Numbers) -> Numbers:
        column, row = np.rint(points).astype(int).T
        shift = np.where(np.isfinite(disparity), disparity, np.nan)[row, column]
        return points - np.stack([shift, np.zeros_like(shift)], axis=1)

    return left, right, truth


def sample_pair() -> tuple[Picture, Picture, Truth]:
    """The sample photographs, and the homography between them; as `stereo_pair`."""
    first, second = (read_image(IMAGES / name).pixels for name in ("cat.jpg", "cat-closer.jpg"))
    return first, second, runpy.run_path(str(IMAGES / "make_samples.py"))["to_closer"]


def describe(treatment: str, scales: tuple[int, ...], *images: Picture) -> list[xr.DataArray]:
    """The feature maps of images, with their borders treated as named."""
    sift = SIFT(scales=scales)
    if treatment == "reflected":
        return sift(*images)
    sift.margin = 0
    maps = sift(*images)
    if treatment == "cut":
        return maps
    lost = int(np.ceil(2 * sift.cell * max(scales) / sift.step - 0.5))
    return [fmap.isel(y=slice(lost, -lost), x=slice(lost, -lost)) for fmap in maps]


def to_edge(points: Numbers, image: Picture) -> Numbers:
    """How far points are from the nearest edge of the image; negative beyond it."""
    size = np.array(image.shape[1::-1])
    return np.minimum(points + 0.5, size - 0.5 - points).min(axis=1)


def row(
    treatment: str, scales: tuple[int, ...], first: Picture, second: Picture, truth: Truth
) -> list[str]:
    """The columns after the first two, over all matches whose truth is known."""
    maps = describe(treatment, scales, first, second)
    matches = to_matches(MutualNearestNeighbor()(*maps))
    source, target = (
        np.stack([matches[f"{side}_x"], matches[f"{side}_y"]], axis=1)
        for side in ("source", "target")
    )
    place = truth(source)
    known = np.isfinite(place).all(axis=1)
    source, target, place = source[known], target[known], place[known]
    error = np.hypot(*(target - place).T)
    edge = np.minimum(to_edge(source, first), to_edge(target, second))
    wrong, shown = error > WITHIN[-1], to_edge(place, second) >= 0
    groups = [edge < NEAR[0], edge < NEAR[1], edge >= NEAR[1], edge >= -1]
    return [
        f"{maps[0][0].size / describe('cut', (1,), first)[0][0].size:.0%}",
        *(shares(error[group]) for group in groups),
        f"{(wrong & shown).sum()}",
        f"{(wrong & ~shown).sum()}",
    ]


def shares(error: Numbers) -> str:
    """How many matches, and how many per cent of them are within each limit."""
    if not len(error):
        return "0"
    within = " / ".join(f"{100 * np.mean(error <= pixels):.1f}" for pixels in WITHIN)
    return f"{len(error):,}: {within}"


def main() -> int:
    """Print one table per pair."""
    for title, pair in (("stereo_motorcycle", stereo_pair()), ("sample pair", sample_pair())):
        near = [f"< {pixels} from edge" for pixels in NEAR]
        table = Table("scales", "borders", "covers", *near, "inside", "all", "wrong", "not shown")
        for scales in SCALES:
            for treatment in ("cut", "dropped", "reflected"):
                table.add_row(f"{scales}", treatment, *row(treatment, scales, *pair))
        print(f"{title}: matches, and per cent within {WITHIN} pixels of the truth")
        Console(width=180).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
