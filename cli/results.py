"""The answer of a match: what is kept of it, as rows and as numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from .inputs import Input
from .points import Point

if TYPE_CHECKING:
    import xarray as xr

COLUMNS = ("source_x", "source_y", "target_x", "target_y", "score")

Row: TypeAlias = dict[str, float | str | None]


@dataclass(frozen=True, eq=False)
class Result:
    """What a match found, and what is kept of it.

    Parameters
    ----------
    a, b:
        Source and target.
    descriptor:
        The `repr` of the descriptor that made the features.
    found:
        The matcher's Dataset; what was not kept is unmatched in it.
    points:
        The points that were asked for; none if every cell was.
    seconds:
        How long the reading, extracting and matching took.
    """

    a: Input
    b: Input
    descriptor: str
    found: "xr.Dataset"
    points: Sequence[Point]
    seconds: float

    @property
    def asked(self) -> int:
        """How many cells or points were asked for; those outside the source's mask don't count."""
        return int(self.found["score"].notnull().sum())

    def matches(self) -> "xr.Dataset":
        """The matches that were kept along `match`, best first."""
        from ..matchers import to_matches

        return to_matches(self.found)

    def rows(self) -> list[Row]:
        """One row per match, best first; for points one per point, in the order given.

        A point without a match has None for target and score.
        """
        if not self.points:
            return dataset_rows(self.matches())
        named = any(point.name for point in self.points)
        listed = dataset_rows(self.found)
        for row, matched, point in zip(
            listed, self.found["matched"].values, self.points, strict=True
        ):
            if not matched:
                row.update(target_x=None, target_y=None, score=None)
            if named:
                row["name"] = point.name
        # The name leads.
        return [{"name": row.pop("name"), **row} if named else row for row in listed]

    def summary(self) -> dict[str, Any]:
        """The numbers of the match, under the names that they have in the JSON document."""
        scores = self.matches()["score"].values
        asked, matched = self.asked, len(scores)
        return {
            "source": self.a.document(),
            "target": self.b.document(),
            "points" if self.points else "cells": len(self.points) or asked,
            "matched": matched,
            "share": round(matched / asked, 4) if asked else 0.0,
            "median_score": _median(scores.tolist()),
            "seconds": round(self.seconds, 3),
            "descriptor": self.descriptor,
            "matcher": self.found.attrs["matcher"],
        }

    def document(self) -> dict[str, Any]:
        """The JSON document: the summary, and the rows under `matches`."""
        return {**self.summary(), "matches": self.rows()}


def keep(found: "xr.Dataset", *, min_score: float | None, max_matches: int | None) -> "xr.Dataset":
    """The Dataset of a matcher with only the matches that are to be kept matched.

    Those below `min_score` are dropped first; of the rest, the best `max_matches` that lie spread
    over the image stay.
    """
    kept = found["matched"].copy()
    if min_score is not None:
        kept &= found["score"] >= min_score
    if max_matches is not None:
        kept &= _spread(found.assign(matched=kept), max_matches)
    return found.assign(
        matched=kept,
        target_x=found["target_x"].where(kept),
        target_y=found["target_y"].where(kept),
    )


def best_spread(matches: "xr.Dataset", count: int) -> "xr.Dataset":
    """The best `count` matches that lie spread over the image, the best first.

    They are taken from the better half: a place that nothing matches well, like the edge of an
    image, is left empty rather than shown with a match that is most likely wrong.
    """
    from ..matchers import spread_matches

    better = max(count, (matches.sizes["match"] + 1) // 2)
    return spread_matches(matches.isel(match=slice(better)), count)


def dataset_rows(matches: "xr.Dataset") -> list[Row]:
    """The rows of a Dataset with one dimension, rounded to what can be told apart.

    Coordinates have 3 digits after the point, scores 5.
    """
    columns = [matches[name].values.tolist() for name in COLUMNS]
    return [
        {
            name: _rounded(value, 5 if name == "score" else 3)
            for name, value in zip(COLUMNS, values, strict=True)
        }
        for values in zip(*columns, strict=True)
    ]


def _spread(found: "xr.Dataset", count: int) -> "xr.DataArray":
    """Where on the grid the matches lie that are spread over the image."""
    import numpy as np

    from ..matchers import to_matches

    best = best_spread(to_matches(found), count)
    marked = np.zeros(found["matched"].shape, dtype=bool)
    # A match begins at the centre of its cell, so that the coordinates are found exactly.
    rows = np.searchsorted(found["y"].values, best["source_y"].values)
    columns = np.searchsorted(found["x"].values, best["source_x"].values)
    marked[rows, columns] = True
    return found["matched"].copy(data=marked)


def _rounded(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


def _median(values: list[float]) -> float | None:
    from statistics import median

    return round(median(values), 5) if values else None
