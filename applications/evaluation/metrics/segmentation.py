"""The measures of DAVIS for masks: region similarity J and contour accuracy F.

Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation"
(CVPR 2016), section 4; for several objects Pont-Tuset et al., "The 2017 DAVIS Challenge on Video
Object Segmentation" (2017), section 3.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ....descriptors.settings import check_float
from .arrays import checked

TOLERANCE = 0.008
"""How far contours may lie apart, as a share of the image's diagonal."""
_BINS = 4


def region_similarity(
    predicted: npt.ArrayLike, truth: npt.ArrayLike, *, void: npt.ArrayLike | None = None
) -> float:
    """J, the intersection over union of two masks, 0 to 1; 1 if both are empty.

    All are bool (height, width); pixels of `void` count for neither mask. Raises `OptionError` for
    masks of different sizes.
    """
    answer, true = _masks(predicted, truth, void)
    union = int((answer | true).sum())
    return int((answer & true).sum()) / union if union else 1.0


def contour_accuracy(
    predicted: npt.ArrayLike,
    truth: npt.ArrayLike,
    *,
    void: npt.ArrayLike | None = None,
    tolerance: float = TOLERANCE,
) -> float:
    """F, the harmonic mean of precision and recall of the contour's pixels, 0 to 1.

    Precision is the share of predicted contour pixels within the tolerance of a true one, recall
    the share of true ones within it of a predicted one: the benchmark's approximation, by
    dilation with a disk, of a bipartite matching. Two empty contours give 1, one alone 0.

    Masks are as in `region_similarity`; the tolerance is a share of the diagonal, in pixels
    rounded up. Raises `OptionError` for masks of different sizes, or a tolerance that is not
    above 0.
    """
    check_float("tolerance", tolerance, minimum=0, maximum=1, open_minimum=True)
    answer, true = _masks(predicted, truth, void)
    radius = math.ceil(tolerance * math.hypot(*true.shape))
    ours, theirs = contour(answer), contour(true)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision = float(_near(theirs, radius)[ours].mean())
    recall = float(_near(ours, radius)[theirs].mean())
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def contour(mask: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """The pixels that differ from a neighbour to the right, below, or both: bool (height, width).

    Beyond the image there is nothing to differ from: a mask that fills the image has no contour.
    """
    inside = checked("mask", mask, ("height", "width"), np.bool_)
    edge = np.zeros_like(inside)
    edge[:, :-1] |= inside[:, :-1] ^ inside[:, 1:]
    edge[:-1] |= inside[:-1] ^ inside[1:]
    edge[:-1, :-1] |= inside[:-1, :-1] ^ inside[1:, 1:]
    return edge


@dataclass(frozen=True)
class SequenceScore:
    """How good the masks of one object are over a sequence.

    Args:
        mean: Over the frames.
        recall: The share of frames above 0.5.
        decay: The mean of the first quarter of the frames minus that of the last: what is lost over
            time, negative if it gets better.
    """

    mean: float
    recall: float
    decay: float


def sequence_score(values: npt.ArrayLike) -> SequenceScore:
    """Mean, recall and decay of J or F over the frames; NaN without frames.

    `values` is (frame,), 0 to 1, without the frames that are given or left out. Quarters share
    the frames at their borders, as in the benchmark.
    """
    score = checked("values", values, ("frame",))
    if not len(score):
        return SequenceScore(math.nan, math.nan, math.nan)
    # Halves are rounded up, frames counted from 1.
    bounds = np.floor(np.linspace(1, len(score), _BINS + 1) + 0.5).astype(int) - 1
    first, last = score[: bounds[1] + 1], score[bounds[-2] :]
    return SequenceScore(
        float(score.mean()), float((score > 0.5).mean()), float(first.mean() - last.mean())
    )


def _masks(
    predicted: npt.ArrayLike, truth: npt.ArrayLike, void: npt.ArrayLike | None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    true = checked("truth", truth, ("height", "width"), np.bool_)
    answer = checked("predicted", predicted, true.shape, np.bool_)
    if void is None:
        return answer, true
    counts = ~checked("void", void, true.shape, np.bool_)
    return answer & counts, true & counts


def _near(pixels: npt.NDArray[np.bool_], radius: int) -> npt.NDArray[np.bool_]:
    """Which pixels of the image lie within the radius of one of these."""
    row, column = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (row * row + column * column <= radius * radius).astype(np.uint8)
    return np.asarray(cv2.dilate(pixels.astype(np.uint8), disk), dtype=bool)
