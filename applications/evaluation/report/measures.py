"""What a report says of each pair: numbers from which any average and its interval follow."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ....descriptors.errors import OptionError
from ..datasets import Dataset
from ..metrics import Average, average_pairs, bootstrap_interval, count_correct
from ..protocols.protocol import PROTOCOLS, Protocol, Threshold, written
from ..run.workers import Progress, silent
from .scores import FLOW_UNITS, lengths, point_distance, score_flow, score_masks

ALPHAS = (0.01, 0.05, 0.1)
RESAMPLES = 1000
"""Draws of the pairs from which an interval is taken."""


@dataclass(frozen=True, eq=False)
class Measure:
    """One number of a run, as in `PCK@0.10`, as the numbers of its pairs.

    `unit` is `%` for shares, `px` for pixels, empty for a pure number. `right` and `of` (pair,)
    are of a share how many are right and how many count; of anything else its value and 1, or 0
    where it doesn't count. `within_category` says whether an interval draws the pairs of each
    category on their own, since how many it has is part of the benchmark. The objects of videos
    are drawn from all: most videos have one or two, which tell nothing of other videos.
    """

    label: str
    unit: str
    right: npt.NDArray[np.float64]
    of: npt.NDArray[np.float64]
    average: Average
    within_category: bool = True

    @classmethod
    def plain(cls, label: str, unit: str, values: npt.NDArray[Any], **about: Any) -> "Measure":
        """A quantity that each pair has one of; NaN where it has none."""
        # An error without a prediction is infinite, and so is the mean: it counts.
        counts = ~np.isnan(values)
        right = np.where(counts, values, 0.0)
        return cls(label, unit, right, counts.astype(float), "per-image", **about)

    def value(self, category: npt.ArrayLike) -> float:
        """The number, 0 to 1 for shares; NaN where no pair counts."""
        return float(average_pairs(self.right, self.of, self.average, category=category))

    def record(self, category: npt.NDArray[Any]) -> dict[str, Any]:
        """The number with its 95% interval over pairs, in values that JSON holds."""
        interval = bootstrap_interval(
            self.right,
            self.of,
            self.average,
            category=category if self.within_category else None,
            resamples=RESAMPLES,
        )
        names = {"label": self.label, "unit": self.unit, "average": self.average}
        return {**names, **{name: finite(value) for name, value in asdict(interval).items()}}

    def within(self, which: npt.NDArray[np.bool_]) -> "Measure":
        """The measure over some of the pairs."""
        return replace(self, right=self.right[which], of=self.of[which])


@dataclass(frozen=True, eq=False)
class Units:
    """What is averaged over, `pairs` or `objects` of videos, with name and category of each."""

    what: str
    names: list[str]
    category: npt.NDArray[Any]


def default_protocol(dataset: Dataset, predictions: xr.Dataset) -> Protocol:
    """The protocol that is put first for a data set, also for one that nobody published on."""
    published = PROTOCOLS.get(dataset.name)
    split = str(getattr(dataset, "split", published.split if published else ""))
    if published:
        return replace(published, split=split)
    if dataset.truth == "points":
        threshold: Threshold = "bbox" if "bbox" in lengths(predictions) else "image"
        return Protocol(dataset.name, split, "PCK", ALPHAS, threshold, "per-point", "<")
    if dataset.truth == "flow":
        return Protocol(dataset.name, split, "flow PCK", (0.05,), "source-image", "per-image", "<=")
    return Protocol(dataset.name, split, "J&F")


def measure(
    predictions: xr.Dataset, dataset: Dataset, protocol: Protocol, progress: Progress = silent
) -> tuple[Units, list[Measure]]:
    """What the protocol measures, for each pair (or object), the number of its name first.

    Raises `OptionError` for a protocol that doesn't fit the predictions.
    """
    if protocol.metric == "J&F":
        return _of_masks(predictions, dataset, progress)
    names = [str(name) for name in predictions["pair"].values]
    units = Units("pairs", names, predictions["category"].values.astype(str))
    if protocol.metric == "PCK":
        return units, _of_points(predictions, protocol)
    return units, _of_flow(predictions, dataset, protocol, progress)


def _of_points(predictions: xr.Dataset, protocol: Protocol) -> list[Measure]:
    by_threshold = lengths(predictions)
    threshold = protocol.threshold or "bbox"
    if threshold not in by_threshold:
        raise OptionError(
            f"there is no threshold {threshold!r} here: not every pair has its length",
            hint=f"known: {', '.join(by_threshold)}",
        )
    right, of = count_correct(
        point_distance(predictions),
        by_threshold[threshold],
        protocol.alphas,
        comparison=protocol.comparison or "<",
    )
    average = protocol.average or "per-point"
    return [
        Measure(f"PCK@{written(alpha)}", "%", row.astype(float), of.astype(float), average)
        for alpha, row in zip(protocol.alphas, right, strict=True)
    ]


def _of_flow(
    predictions: xr.Dataset, dataset: Dataset, protocol: Protocol, progress: Progress
) -> list[Measure]:
    with progress("scoring", predictions.sizes["pair"]) as advance:
        scores = score_flow(predictions, dataset, protocol.alphas, advance=advance)
    pck = scores["pck"].sel(comparison=protocol.comparison or "<=")
    measures = [
        Measure.plain(f"flow PCK@{written(alpha)}", "%", pck.sel(alpha=alpha).values)
        for alpha in protocol.alphas
    ]
    for name, unit in FLOW_UNITS.items():
        label = name.replace("_", " ").replace("endpoint", "end-point")
        measures.append(Measure.plain(label, "px" if unit == "pixel" else "", scores[name].values))
    return measures


def _of_masks(
    predictions: xr.Dataset, dataset: Dataset, progress: Progress
) -> tuple[Units, list[Measure]]:
    with progress("scoring", len(np.unique(predictions["category"].values))) as advance:
        by_video = score_masks(predictions, dataset, advance=advance)
    names, videos, rows = [], [], []
    for video, scores in by_video.items():
        for label in scores["object"].values.tolist():
            names.append(f"{video}_{label}")
            videos.append(video)
            own = scores.sel(object=label)
            rows.append((float(own["region"].mean()), float(own["contour"].mean())))
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    measures = [
        Measure.plain(label, "%", values, within_category=False)
        for label, values in (("J&F", table.mean(axis=1)), ("J", table[:, 0]), ("F", table[:, 1]))
    ]
    return Units("objects", names, np.array(videos, dtype=str)), measures


def finite(value: float) -> float | None:
    """The number, or None for what JSON has no number for."""
    return float(value) if np.isfinite(value) else None
