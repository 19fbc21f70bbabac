"""Accuracy of dense flow on a stereo pair, beside OpenCV's DIS optical flow.

The pair is scikit-image's `stereo_motorcycle` (Middlebury 2014, 741 x 500 pixels): what lies at x
in the left image lies at x - disparity in the right one. Every pixel whose true disparity is known
counts, seen in the right image or not. The embedded descriptor knows nothing of stereo: it looks
for each cell in the whole image. DIS (Kroeger et al., "Fast optical flow using dense inverse
search", ECCV 2016) refines brightness over a pyramid.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr
from descr.applications import dense_flow
from descr.descriptors import SIFT
from skimage import data

from ..bench import Bench
from ..results import Row

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


def run(bench: Bench) -> Iterator[Row]:
    """A row for each method; errors are those of the pixels whose disparity is known."""
    left, right, disparity = data.stereo_motorcycle()
    certain = np.isfinite(disparity)
    truth = np.stack([-disparity, np.zeros_like(disparity)], axis=-1)
    errors = {}
    for name, find in methods(left, right).items():
        began = bench.now()
        flow = find()
        seconds = bench.now() - began
        errors[name] = np.hypot(*np.moveaxis(flow - truth, -1, 0))[certain]
        yield Row(name, columns(errors[name]) | {"seconds": seconds})
    where = np.where(np.isfinite(errors[BEST]), errors["DIS, medium"], np.nan)
    yield Row("DIS, medium, where fine SIFT with smoothing 6 has flow", columns(where))


def columns(errors: Vectors) -> dict[str, float | str]:
    """Error over the pixels that have flow, and shares of all pixels of known truth."""
    valid = errors[np.isfinite(errors)]
    within = {pixels: np.mean(np.nan_to_num(errors, nan=np.inf) <= pixels) for pixels in WITHIN}
    return {
        "has flow": f"{len(valid) / len(errors):.1%}",
        "mean error": float(valid.mean()),
        "median": float(np.median(valid)),
        **{f"within {pixels}": f"{share:.1%}" for pixels, share in within.items()},
    }
