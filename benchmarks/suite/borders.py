"""What SIFT finds near the border of an image, by what its descriptors see beyond it.

Each cell of the first image is matched with the second by mutual nearest neighbours, and compared
with the truth. Three ways to treat descriptors that leave the image:

cut
    Pixels beyond it do not count, as OpenCV does it: bins stay empty.
dropped
    There is no cell where one of the 4 x 4 bins leaves the image.
reflected
    The image goes on as its reflection: descr's SIFT.

Columns hold the number of matches, and how many per cent of them end within 2, 4 and 8 pixels of
the truth. A match of a place that the second image does not show is wrong whatever a descriptor
does; such matches are counted apart.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from descr.descriptors import SIFT
from descr.matchers import MutualNearestNeighbor, to_matches

from ..bench import Bench
from ..photographs import Numbers, Pair, Picture, ends, sample_pair, shares, stereo_pair
from ..results import Row

SCALES = ((1,), (1, 2, 4))
WITHIN = (2, 4, 8)


def run(bench: Bench) -> Iterator[Row]:
    """A row for each pair, scales and treatment."""
    for title, pair in (("stereo_motorcycle", stereo_pair()), ("sample pair", sample_pair())):
        for scales in SCALES:
            for treatment in ("cut", "dropped", "reflected"):
                case = f"{title}, scales {', '.join(map(str, scales))}, {treatment}"
                yield Row(case, columns(treatment, scales, pair))


def columns(treatment: str, scales: tuple[int, ...], pair: Pair) -> dict[str, float | str]:
    """What is covered, and how right matches are by how near the edge they end."""
    first, second, truth = pair
    maps = describe(treatment, scales, first, second)
    matches = to_matches(MutualNearestNeighbor()(*maps))
    source, target = ends(matches, "source"), ends(matches, "target")
    place = truth(source)
    valid = np.isfinite(place).all(axis=1)
    source, target, place = source[valid], target[valid], place[valid]
    error = np.hypot(*(target - place).T)
    edge = np.minimum(to_edge(source, first), to_edge(target, second))
    wrong, shown = error > WITHIN[-1], to_edge(place, second) >= 0
    return {
        "covers": f"{maps[0][0].size / describe('cut', (1,), first)[0][0].size:.0%}",
        "< 8 from edge": shares(error[edge < 8], WITHIN),
        "< 16 from edge": shares(error[edge < 16], WITHIN),
        "inside": shares(error[edge >= 16], WITHIN),
        "all": shares(error, WITHIN),
        "wrong": int((wrong & shown).sum()),
        "not shown": int((wrong & ~shown).sum()),
    }


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
