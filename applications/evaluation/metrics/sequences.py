"""J and F of every object of a video, and of a whole data set of videos."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ....descriptors.errors import OptionError
from ....descriptors.settings import check_int
from .arrays import checked
from .segmentation import SequenceScore, contour_accuracy, region_similarity, sequence_score

VOID = 255
"""The label of pixels that belong to no object."""
_MEASURES = {"region": "J", "contour": "F"}


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
