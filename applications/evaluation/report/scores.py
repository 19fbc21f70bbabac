"""Numbers out of predictions, by any protocol, without matching again."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from ....descriptors.errors import OptionError
from ..datasets import Dataset
from ..datasets.pair import Pair
from ..metrics import (
    COMPARISONS,
    box_length,
    endpoint_errors,
    flow_pck,
    flow_smoothness,
    image_length,
    keypoint_length,
    mask_scores,
    mean_endpoint_error,
    pck_variants,
    point_distances,
)
from ..metrics.segmentation import VOID
from ..run.flow import pixel_flow
from ..run.masks import decode_mask
from ..run.workers import Advance, ignore

FLOW_UNITS = {
    "endpoint_error": "pixel",
    "smoothness": "1",
    "smoothness_with_border": "1",
    "true_smoothness": "1",
    "true_smoothness_with_border": "1",
}
"""What is measured of a flow beside its PCK, with the units."""


def padded(predictions: xr.Dataset, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Variables along `point` as (pair, point, name), NaN beyond the points of a pair."""
    counts = predictions["points"].values
    table = np.full((len(counts), int(counts.max(initial=0)), len(names)), np.nan)
    inside = np.arange(table.shape[1]) < counts[:, None]
    table[inside] = np.stack([predictions[name].values for name in names], axis=-1)
    return table


def point_distance(predictions: xr.Dataset) -> npt.NDArray[np.float64]:
    """How far each point is off, in pixels of the target: (pair, point).

    NaN beyond the points of a pair, infinite where the matcher gave no answer.
    """
    answers, truth = (padded(predictions, (f"{of}_x", f"{of}_y")) for of in ("target", "true"))
    return point_distances(answers, truth)


def lengths(predictions: xr.Dataset) -> dict[str, npt.NDArray[np.float64]]:
    """The lengths that errors of points are measured against, (pair,) in pixels, by threshold.

    Those that every pair with points has: `bbox`, `image`, and `keypoints` around the common ones.
    """
    sizes = np.stack([predictions[f"target_{side}"].values for side in ("height", "width")], 1)
    every = {
        "bbox": box_length(predictions["target_box"].values),
        "image": image_length(sizes),
        "keypoints": keypoint_length(padded(predictions, ("true_x", "true_y"))),
    }
    counted = predictions["points"].values > 0
    return {
        name: length
        for name, length in every.items()
        if bool((np.isfinite(length) & (length > 0))[counted].all())
    }


def score_points(predictions: xr.Dataset, alphas: Sequence[float]) -> xr.Dataset:
    """PCK in every variant, as `pck_variants`, of predictions of a data set with points.

    `alphas` are the shares of the lengths within which a point is right.
    """
    _check_truth(predictions, "points")
    prefix = "flag_"
    flags = [str(name) for name in predictions.data_vars if str(name).startswith(prefix)]
    return pck_variants(
        point_distance(predictions),
        lengths(predictions),
        alphas,
        category=predictions["category"].values.astype(str),
        flags={flag.removeprefix(prefix): predictions[flag].values for flag in flags},
    )


def score_flow(
    predictions: xr.Dataset, dataset: Dataset, alphas: Sequence[float], *, advance: Advance = ignore
) -> xr.Dataset:
    """How right the flow of each pair is.

    Args:
        predictions: Of a data set with a dense flow.
        dataset: The data set, whose files hold the true flow and the masks.
        alphas: The shares of the longer side of the source image within which a pixel is right.
        advance: Called with the name of each pair.

    Returns:
        xarray.Dataset: Along `pair`: `pck` (comparison, alpha, pair), 0 to 1; `endpoint_error`, the
            mean over the pixels of the mask; `smoothness` of the predicted and `true_smoothness` of
            the true flow, and `smoothness_with_border` and `true_smoothness_with_border`, in which
            the jump at the mask's border counts.
    """
    _check_truth(predictions, "flow")
    rows = []
    pcks = []
    role = dataset.flow_lies_on or "source"
    sizes = np.stack([predictions[f"source_{side}"].values for side in ("height", "width")], 1)
    for index, pair, span in _pairs(predictions, dataset, "cells"):
        advance(pair.name)
        predicted = _flow_of(predictions, index, span, role)
        truth = dataset.flow(pair)
        picture = pair.target if role == "target" else pair.source
        inside = dataset.mask(picture)
        errors = endpoint_errors(predicted, truth, inside)
        length = int(sizes[index].max())
        pcks.append([flow_pck(errors, length, alphas, comparison=one) for one in COMPARISONS])
        # The mask ends where padding begins: one line of it, for the jump there.
        beyond = [(0, min(more, 1)) for more in picture.padding]
        mask = np.pad(inside, beyond)
        smoothness = [
            flow_smoothness(np.pad(flow, [*beyond, (0, 0)]), mask, border=border)
            for flow in (predicted, truth)
            for border in (False, True)
        ]
        rows.append((mean_endpoint_error(errors), *smoothness))
    columns = np.array(rows, dtype=np.float64).reshape(-1, len(FLOW_UNITS)).T
    pck = np.array(pcks, dtype=np.float64).reshape(len(rows), len(COMPARISONS), len(alphas))
    return xr.Dataset(
        {
            "pck": (("comparison", "alpha", "pair"), pck.transpose(1, 2, 0)),
            **{
                name: ("pair", column, {"units": unit})
                for (name, unit), column in zip(FLOW_UNITS.items(), columns, strict=True)
            },
        },
        coords={
            "pair": predictions["pair"].values,
            "category": ("pair", predictions["category"].values.astype(str)),
            "comparison": list(COMPARISONS),
            "alpha": list(alphas),
        },
    )


def score_masks(
    predictions: xr.Dataset, dataset: Dataset, *, advance: Advance = ignore
) -> dict[str, xr.Dataset]:
    """J and F of each object in each frame, by video: what `mask_scores` gives.

    `dataset` is that of the predictions, whose files hold the true masks; `advance` is called with
    the name of each video.
    """
    _check_truth(predictions, "masks")
    png = predictions["png"].values
    videos: dict[str, list[tuple[Pair, npt.NDArray[np.uint8]]]] = {}
    categories = predictions["category"].values.tolist()
    for index, pair, span in _pairs(predictions, dataset, "bytes"):
        videos.setdefault(categories[index], []).append((pair, png[span]))
    scores: dict[str, xr.Dataset] = {}
    for video, frames in videos.items():
        advance(video)
        # The first frame is given: what is made of it doesn't count.
        pictures = [frames[0][0].source, *(pair.target for pair, _ in frames)]
        first = dataset.labels(pictures[0])
        scores[video] = mask_scores(
            (first, *(decode_mask(file) for _, file in frames)),
            (dataset.labels(picture) for picture in pictures),
            objects=[label for label in np.unique(first).tolist() if label not in (0, VOID)],
        )
    return scores


def _flow_of(
    predictions: xr.Dataset, index: int, span: slice, role: str
) -> npt.NDArray[np.float64]:
    rows = int(predictions["rows"].values[index])
    start_y, start_x, end_y, end_x = (
        predictions[name].values[span].reshape(rows, -1)
        for name in ("start_y", "start_x", "end_y", "end_x")
    )
    height, width = (int(predictions[f"{role}_{side}"][index]) for side in ("height", "width"))
    return pixel_flow(start_y[:, 0], start_x[0], end_y, end_x, (height, width))


def _pairs(
    predictions: xr.Dataset, dataset: Dataset, counts: str
) -> Iterator[tuple[int, Pair, slice]]:
    """Each pair of the predictions with its place there, and where what `counts` counts lies."""
    places = {entry.name: place for place, entry in enumerate(dataset.entries)}
    names = predictions["pair"].values.tolist()
    for name in names:
        if name not in places:
            raise OptionError(
                f"{dataset.title} in {dataset.root} has no pair {name}",
                hint="give the data set that the predictions are of",
            )
    ends = np.cumsum(predictions[counts].values).tolist()
    for index, (name, start, end) in enumerate(zip(names, [0, *ends], ends, strict=False)):
        yield index, dataset[places[name]], slice(start, end)


def _check_truth(predictions: xr.Dataset, truth: str) -> None:
    if predictions.attrs.get("truth") != truth:
        raise OptionError(
            f"the predictions are those of a data set with {predictions.attrs.get('truth')}, "
            f"not with {truth}"
        )
