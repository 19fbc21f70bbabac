"""Whether related and unrelated images are told apart, by what tells them apart.

Related are two photographs of one thing, and photographs with changed copies of themselves: 1.3
times as large, turned by 10 degrees, cropped and brightened, or bent. Of copies the truth is known:
"right" is the share of mutual matches within 5 % of the diagonal of where they belong. Unrelated
are all pairs of ten pictures of scikit-image, and black, grey and noise with some of them.
"""

from collections.abc import Iterator
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr
from descr.applications import measure_agreement
from descr.descriptors import SIFT
from descr.matchers import MutualNearestNeighbor, to_matches

from ..bench import Bench
from ..photographs import Picture, photograph, sample_pair, stereo_pair
from ..results import Row

DESCRIPTORS = {
    "SIFT()": SIFT(),
    "SIFT(step=16, cell=16)": SIFT(step=16, cell=16),
    "SIFT(scales=(1, 2), size=384)": SIFT(scales=(1, 2), size=384),
}
NAMES = (
    *("chelsea", "astronaut", "coffee", "rocket", "hubble_deep_field"),
    *("page", "retina", "camera", "coins", "brick"),
)
Places = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def larger(height: int, width: int) -> Places:
    """Where each pixel of the larger, turned copy lies in the photograph: x and y."""
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -10, 1 / 1.3)
    y, x = np.mgrid[height // 10 : height * 9 // 10, width // 10 : width * 9 // 10]
    at = np.einsum("ij,jyx->iyx", turn, np.stack([x, y, np.ones_like(x)])).astype(np.float32)
    return at[0], at[1]


def bent(height: int, width: int) -> Places:
    """Likewise for a copy that is bent by a twentieth of its diagonal, smoothly."""
    waves = np.random.default_rng(0).normal(size=(2, 4, 5)).astype(np.float32)
    far = 0.04 * float(np.hypot(height, width))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across, down = (
        cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) for one in waves
    )
    return x + far * across, y + far * down


def pairs() -> Iterator[tuple[str, str, Picture, Picture, Places | None]]:
    """Kind, name, source, target, and where the pixels of the target come from in the source."""
    cats, (left, right, _) = sample_pair(), stereo_pair()
    yield "related", "cat, cat-closer", cats[0], cats[1], None
    yield "related", "cat-closer, cat", cats[1], cats[0], None
    yield "related", "stereo_motorcycle", left, right, None
    pictures = {name: photograph(name, 700) for name in NAMES}
    for copied in (larger, bent):
        for name, one in pictures.items():
            places = copied(*one.shape[:2])
            copy = cv2.remap(one, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            bright = (copy * 1.25).clip(0, 255).astype(np.uint8)
            yield "related", f"{name}, {copied.__name__}", one, bright, places
    pictures["stereo_motorcycle"] = left
    for a, b in combinations(pictures, 2):
        yield "unrelated", f"{a}, {b}", pictures[a], pictures[b], None
    noise = np.random.default_rng(0).integers(0, 256, (300, 450, 3), dtype=np.uint8)
    nothing = {"black": noise * 0, "grey": noise * 0 + 128, "noise": noise}
    for name, one in nothing.items():
        yield "unrelated", f"{name}, {name}", one, np.rot90(one).copy(), None
        for other in ("chelsea", "page", "hubble_deep_field"):
            yield "unrelated", f"{other}, {name}", pictures[other], one, None
            yield "unrelated", f"{name}, {other}", one, pictures[other], None


def right_share(matches: xr.Dataset, places: Places) -> float:
    """Share of the matches that end near where they belong."""
    x, y = (matches[f"target_{axis}"].values.round().astype(int) for axis in "xy")
    off = [
        matches[f"source_{axis}"].values - of_axis[y, x]
        for axis, of_axis in zip("xy", places, strict=True)
    ]
    diagonal = np.hypot(matches.attrs["source_height"], matches.attrs["source_width"])
    return float((np.hypot(*off) < 0.05 * diagonal).mean())


def run(bench: Bench) -> Iterator[Row]:
    """A row for each descriptor and pair, the least coherent pairs first."""
    for title, descriptor in DESCRIPTORS.items():
        rows = []
        described: dict[bytes, xr.DataArray] = {}
        for kind, name, *both, places in pairs():
            for picture in both:
                if picture.tobytes() not in described:
                    described[picture.tobytes()] = descriptor(picture)[0]
            maps = [described[picture.tobytes()] for picture in both]
            matches = to_matches(MutualNearestNeighbor()(*maps))
            one = measure_agreement(*maps)
            values = {
                "mutual": f"{one.mutual:.1%}",
                "round trip": one.round_trip,
                "score": float(matches["score"].median()),
                "coherent": f"{one.coherent:.1%}",
                "doubtful": "yes" if one.doubtful else "",
                "right": "" if places is None else f"{right_share(matches, places):.1%}",
            }
            rows.append((kind, one.coherent, Row(f"{title}: {kind}: {name}", values)))
        yield from (row for *_, row in sorted(rows, key=lambda row: row[:2]))
