"""How far predictions are off, and the lengths that the error is measured against."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import checked


def point_distances(
    predicted: npt.ArrayLike, truth: npt.ArrayLike, counted: npt.ArrayLike | None = None
) -> npt.NDArray[np.float64]:
    """Distances of predicted points from the truth in pixels: float64, of the shape of the points.

    Args:
        predicted: (..., 2), x and y in pixels of the target image; NaN where there is no
            prediction.
        truth: (..., 2), of the same shape; NaN where the point is not visible.
        counted: bool (...), which points count; every point with a truth without it.

    Gives NaN where the point does not count; infinite where it does and has no prediction, so that
    a matcher that stays silent is wrong there. Raises `OptionError` for arrays that don't fit.
    """
    true = np.asarray(truth, dtype=np.float64)
    shape = true.shape[:-1]
    true = checked("truth", true, (*shape, 2))
    answer = checked("predicted", predicted, (*shape, 2))
    off = answer - true
    counts = np.isfinite(true).all(axis=-1)
    if counted is not None:
        counts &= checked("counted", counted, shape, np.bool_)
    silent = ~np.isfinite(answer).all(axis=-1)
    distance = np.where(silent, np.inf, np.hypot(off[..., 0], off[..., 1]))
    return np.where(counts, distance, np.nan)


def box_length(boxes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The longer side of each box in pixels, float64 (pair,): the threshold `bbox`.

    `boxes` is (pair, 4): left, top, right, bottom in pixels of the target image; the sides are
    right - left and bottom - top, as in SPair-71k. NaN gives NaN.
    """
    box = checked("boxes", boxes, ("pair", 4))
    return _longer(box[:, 2:] - box[:, :2])


def image_length(sizes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The longer side of each image in pixels, float64 (pair,): the threshold `image`.

    `sizes` is (pair, 2): height and width of the target image.
    """
    return _longer(checked("sizes", sizes, ("pair", 2)))


def keypoint_length(points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The longer side of the box around the points, float64 (pair,): the threshold `keypoints`.

    `points` is (pair, point, 2), x and y in pixels of the target image, NaN where a point is not
    visible; a pair without points gives NaN. Ham et al., "Proposal Flow" (CVPR 2016), section 5.
    """
    at = checked("points", points, ("pair", "point", 2))
    seen = np.isfinite(at).all(axis=-1)[..., None]
    # An empty list of points leaves the two infinities, whose difference is none.
    high = np.where(seen, at, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(seen, at, np.inf).min(axis=1, initial=np.inf)
    return _longer(np.where(np.isfinite(high - low), high - low, np.nan))


def _longer(sides: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.asarray(sides.max(axis=1), dtype=np.float64)
