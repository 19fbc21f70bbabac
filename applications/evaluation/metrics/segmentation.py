"""The measures of DAVIS for masks: region similarity J and contour accuracy F, also of videos.

Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation"
(CVPR 2016), section 4; for several objects Pont-Tuset et al., "The 2017 DAVIS Challenge on Video
Object Segmentation" (2017), section 3.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import zip_longest
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr

from ....descriptors.errors import OptionError
from ....descriptors.settings import check_float, check_int
from .arrays import checked

TOLERANCE = 0.008
"""How far contours may lie apart, as a share of the image's diagonal."""
_BINS = 4
VOID = 255
"""The label of pixels that belong to no object."""
_MEASURES = {"region": "J", "contour": "F"}


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


def mask_scores(
    predicted: Iterable[npt.ArrayLike],
    truth: Iterable[npt.ArrayLike],
    *,
    objects: Sequence[int] | None = None,
    ends: bool = False,
    leave_void_out: bool = False,
) -> xr.Dataset:
    """J and F of each object in each frame: `region` and `contour` (object, frame), 0 to 1.

    Frames are looked at one after the other, and never held together.

    Args:
        predicted, truth: Label maps (height, width) of all frames in order: 0 for the background,
            255 in the truth for pixels that are void.
        objects: The labels that are measured; 1 to the largest of the first true frame without it.
        ends: Whether the first and the last frame count. The benchmark leaves both out: the first
            is given, and the last has always been left out.
        leave_void_out: Whether void pixels count for nothing, as in the unsupervised task of the
            benchmark. In the semi-supervised one, where the first frame is given, they are
            background.

    Raises `OptionError`: label maps of different sizes, or not as many of one as of the other; no
    object.
    """
    rows: list[list[tuple[float, float]]] = []
    labels = [check_int("object", label, minimum=1) for label in objects or ()]
    for answer, true in zip_longest(predicted, truth):
        if answer is None or true is None:
            raise OptionError("there are not as many predicted masks as true ones")
        true = checked("truth", true, ("height", "width"), np.int64)
        answer = checked("predicted", answer, true.shape, np.int64)
        labels = labels or list(range(1, int(true[true != VOID].max(initial=0)) + 1))
        if not labels:
            raise OptionError("the first frame has no object", hint="labels are 1, 2, ...")
        void = true == VOID if leave_void_out else None
        masks = [(answer == label, true == label) for label in labels if rows or ends]
        rows.append(
            [(region_similarity(*m, void=void), contour_accuracy(*m, void=void)) for m in masks]
        )
    first = 0 if ends else 1
    kept = rows[first : len(rows) - first]
    values = np.array(kept, dtype=np.float64).reshape(len(kept), len(labels), 2)
    return xr.Dataset(
        {
            name: (("object", "frame"), values[:, :, place].T, {"long_name": symbol})
            for place, (name, symbol) in enumerate(_MEASURES.items())
        },
        coords={"object": labels, "frame": first + np.arange(len(kept))},
    )


def summarize_masks(scores: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """J, F and their mean over the objects of all videos, and of each video.

    Args:
        scores: What `mask_scores` gave, by the name of the video.

    Returns:
        xarray.Dataset: `score` (measure, statistic): `region` and `contour`, each as `mean`,
            `recall` (share of frames above 0.5) and `decay`, averaged over the objects of all
            videos; `score_by_object` (object, measure, statistic), where the object is called
            `<video>_<label>`; `score_by_sequence` (sequence, measure, statistic), the mean over its
            objects; and `overall`, the mean of J and F, the number that the benchmark ranks by.

    Raises `OptionError`: there is no video.
    """
    if not scores:
        raise OptionError("there are no videos to summarize")
    names: list[str] = []
    of_objects: list[Any] = []
    of_sequences: list[Any] = []
    for name, table in scores.items():
        rows = [
            [astuple(sequence_score(table[measure].sel(object=label))) for measure in _MEASURES]
            for label in table["object"].values
        ]
        names += [f"{name}_{label}" for label in table["object"].values]
        of_objects += rows
        of_sequences.append(np.mean(rows, axis=0))
    score = np.mean(of_objects, axis=0)
    return xr.Dataset(
        {
            "score": (("measure", "statistic"), score),
            "score_by_object": (("object", "measure", "statistic"), np.array(of_objects)),
            "score_by_sequence": (("sequence", "measure", "statistic"), np.array(of_sequences)),
            "overall": ((), float(score[:, 0].mean())),
        },
        coords={
            "measure": list(_MEASURES),
            "statistic": [field.name for field in fields(SequenceScore)],
            "object": names,
            "sequence": list(scores),
        },
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
