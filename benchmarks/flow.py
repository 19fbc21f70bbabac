"""Accuracy of dense flow on a stereo pair, beside OpenCV's DIS optical flow.

    python benchmarks/flow.py

The pair is scikit-image's `stereo_motorcycle` (Middlebury 2014, 741 x 500 pixels): what lies at x
in the left image lies at x - disparity in the right one. Every pixel whose true disparity is known
counts, seen in the right image or not. The embedded descriptor knows nothing of stereo: it looks
for each cell in the whole image. DIS (Kroeger et al., "Fast optical flow using dense inverse
search", ECCV 2016) refines brightness over a pyramid.
"""

import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr
from descr.applications import dense_flow
from descr.descriptors import SIFT
from rich.console import Console
from rich.table import Table
from skimage import data

WITHIN = (2, 4, 8)
BEST = "descr, fine SIFT, smoothing 6"
FINE = SIFT(step=3, cell=4, scales=(1, 2), size=741)
PRESETS = {"ultrafast": 0, "fast": 1, "medium": 2}

Vectors = npt.NDArray[np.float64]


def of_descr(flow: xr.Dataset) -> Vectors:
    """The flow (height, width, 2), NaN where it is not valid."""
    return np.stack([flow["flow_x"].values, flow["flow_y"].values], axis=-1).astype(float)


def methods(left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8]) -> dict[str, Callable]:
    """What makes the flow from the left to the right image, by name."""
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (left, right)]

    def described(descriptor: SIFT, **settings: float) -> Callable[[], Vectors]:
        return lambda: of_descr(dense_flow(left, right, descriptor=descriptor, **settings))

    return {
        "descr, SIFT(), smoothing 2": described(SIFT(), smoothing=2),
        "descr, fine SIFT, as matched": described(FINE),
        BEST: described(FINE, smoothing=6),
        **{
            f"DIS, {name}": lambda preset=preset: np.asarray(
                cv2.DISOpticalFlow.create(preset).calc(*grey, None), dtype=float
            )
            for name, preset in PRESETS.items()
        },
    }


def main() -> int:
    """Run all methods and print one table."""
    left, right, disparity = data.stereo_motorcycle()
    known = np.isfinite(disparity)
    truth = np.stack([-disparity, np.zeros_like(disparity)], axis=-1)
    shares = [f"within {pixels}" for pixels in WITHIN]
    table = Table("flow", "has flow", "mean error", "median", *shares, "seconds")
    errors = {}
    for name, find in methods(left, right).items():
        began = time.perf_counter()
        flow = find()
        seconds = time.perf_counter() - began
        errors[name] = np.hypot(*np.moveaxis(flow - truth, -1, 0))[known]
        table.add_row(name, *numbers(errors[name]), f"{seconds:.1f}")
    table.add_section()
    seen = np.isfinite(errors[BEST])
    table.add_row(
        "DIS, medium, where that has flow", *numbers(np.where(seen, errors["DIS, medium"], np.nan))
    )
    print(f"{known.sum():,} of {known.size:,} pixels have a known disparity; fine SIFT is {FINE!r}")
    Console(width=120).print(table)
    return 0


def numbers(errors: Vectors) -> list[str]:
    """The columns: error over the pixels that have flow, shares of all pixels of known truth."""
    found = errors[np.isfinite(errors)]
    within = [np.mean(np.nan_to_num(errors, nan=np.inf) <= pixels) for pixels in WITHIN]
    return [
        f"{len(found) / len(errors):.1%}",
        f"{found.mean():.2f}",
        f"{np.median(found):.2f}",
        *(f"{share:.1%}" for share in within),
    ]


if __name__ == "__main__":
    sys.exit(main())
