"""The answers of `descr match` and `descr transfer`: rows, numbers, files, and what is printed."""

import csv
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from ..console.errors import say
from ..console.pictures import PICTURES, write_picture
from ..console.tables import print_table
from ..options.inputs import Input, check_exist, check_photographs
from ..options.outputs import Writer, check_not_inputs, check_suffixes
from ..options.points import Point, check_inside
from .pairs import Fact, PairRequest, PairResult, median

if TYPE_CHECKING:
    import xarray as xr

SUFFIXES = {".csv": "table", ".json": "table and summary", ".nc": "the Dataset"} | dict.fromkeys(
    PICTURES, "drawing"
)
COLUMNS = ("source_x", "source_y", "target_x", "target_y", "score")
DRAWN = 60
"""How many matches a drawing shows, unless a number is given: more can't be told apart."""
SHOWN = 10
"""How many matches the table shows; for points it shows all."""
_ROUND_TRIP = "round_trip_error"

Row: TypeAlias = dict[str, float | str | None]


@dataclass(frozen=True, kw_only=True)
class MatchRequest(PairRequest):
    """The options of a match or a transfer; no points stand for every cell."""

    points: list[Point]
    min_score: float | None = None
    max_matches: int | None = None

    def check_files(self, points: Sequence[str]) -> None:
        """Refuse outputs that can't be, and inputs that aren't; `points` are those of --points."""
        check_suffixes(self.outputs, SUFFIXES)
        check_exist(self.read)
        files = [Path(value) for value in points if os.path.isfile(value)]
        check_not_inputs(self.outputs, [*self.read, *files])

    def check_inputs(self, inputs: Sequence[Input]) -> None:
        """Refuse a drawing of feature files, and points outside the source."""
        drawings = [path for path in self.outputs if path.suffix.lower() in PICTURES]
        if drawings:
            check_photographs(inputs, "drawing", drawings, instead="write .csv, .json or .nc")
        source = inputs[0]
        check_inside(self.points, width=source.width, height=source.height, image=source.name)


@dataclass(frozen=True, eq=False, kw_only=True)
class MatchResult(PairResult):
    """The matches, and which of them are kept."""

    request: MatchRequest

    @property
    def columns(self) -> list[str]:
        """What a row holds, besides a name."""
        return [*COLUMNS, *([_ROUND_TRIP] if _ROUND_TRIP in self.found else [])]

    @cached_property
    def kept(self) -> "xr.Dataset":
        """The Dataset with only the matches that are kept matched.

        Those below the least score are dropped first; of the rest, the best that lie spread over
        the image stay, as many as are asked for.
        """
        kept = self.found["matched"].copy()
        if self.request.min_score is not None:
            kept &= self.found["score"] >= self.request.min_score
        if self.request.max_matches is not None:
            kept &= _spread(self.found.assign(matched=kept), self.request.max_matches)
        x, y = (self.found[name].where(kept) for name in ("target_x", "target_y"))
        return self.found.assign(matched=kept, target_x=x, target_y=y)

    @cached_property
    def matches(self) -> "xr.Dataset":
        """The matches that are kept along `match`, best first."""
        from ...matchers import to_matches

        return to_matches(self.kept)

    def rows(self) -> list[Row]:
        """One row per match, best first; for points one per point, in the order given.

        A point without a match has None for target, score and round trip.
        """
        points = self.request.points
        if not points:
            return _rows(self.matches, self.columns)
        rows = _rows(self.kept, self.columns)
        for row, matched in zip(rows, self.kept["matched"].values, strict=True):
            if not matched:
                row.update(dict.fromkeys(self.columns[2:]))
        if not any(point.name for point in points):
            return rows
        return [{"name": point.name, **row} for point, row in zip(points, rows, strict=True)]

    def numbers(self) -> dict[str, Any]:
        """How many places were asked for, matched and kept; medians are of those that are kept."""
        # Places outside the source's mask have no score, and don't count as cells.
        asked = len(self.request.points) or int(self.found["score"].notnull().sum())
        matched = int(self.found["matched"].sum())
        numbers = {
            "points" if self.request.points else "cells": asked,
            "matched": matched,
            "share": round(matched / asked, 4) if asked else 0.0,
            "kept": self.matches.sizes["match"],
            "median_score": median(self.matches["score"].values.astype(float), 5),
        }
        if _ROUND_TRIP in self.found:
            numbers[f"median_{_ROUND_TRIP}"] = median(
                self.found[_ROUND_TRIP].values.astype(float), 3
            )
        return numbers

    def document(self) -> dict[str, Any]:
        """The summary, and the rows under `matches`."""
        return {**super().document(), "matches": self.rows()}

    def facts(self) -> list[Fact]:
        """The same to be read."""
        numbers = self.numbers()
        places = "points" if self.request.points else "cells"
        kept = f", {numbers['kept']:,} kept" if numbers["kept"] < numbers["matched"] else ""
        score, error = numbers["median_score"], numbers.get(f"median_{_ROUND_TRIP}")
        return [
            (places, f"{numbers[places]:,}"),
            ("matched", f"{numbers['matched']:,} ({numbers['share']:.1%}){kept}"),
            ("median score", "-" if score is None else f"{score:.3f}"),
            *([] if error is None else [("median round trip", f"{error:.1f} pixels")]),
        ]

    def writers(self) -> dict[Path, Writer]:
        """What writes each of the files, in the form that its suffix asks for."""
        forms: dict[str, Writer] = {
            ".csv": self._write_csv,
            ".json": self._write_json,
            ".nc": lambda target: self.kept.to_netcdf(target, engine="netcdf4"),
        }
        return {path: forms.get(path.suffix.lower(), self._draw) for path in self.request.outputs}

    def show(self, as_json: bool) -> None:
        """Print the document; or a table of points, or of the best matches, and a summary."""
        if not as_json:
            rows = self.rows() if self.request.points else _rows(best_spread(self.matches, SHOWN))
            if rows:
                self._print(rows)
                typer.echo()
        super().show(as_json)

    def say_unmatched(self) -> None:
        """Say why points have no match: how many lie outside the mask, or have no match back."""
        # Points outside the source's mask have no score: no matcher answers them.
        unmatched, asked = ~self.found["matched"], self.found["score"].notnull()
        outside, lost = (int((unmatched & which).sum()) for which in (~asked, asked))
        if outside and self.request.masks.given:
            points = "1 point lies" if outside == 1 else f"{outside} points lie"
            name = self.found.attrs["source_name"]
            say(f"{points} outside the mask of {name}, and so no match is sought")
        if lost and self.found.attrs["matcher"].startswith("MutualNearestNeighbor("):
            points = "1 point has" if lost == 1 else f"{lost} points have"
            say(f"{points} no match back; --matcher nearest or soft-argmax always answers")

    def _print(self, rows: Sequence[Row]) -> None:
        # Points are numbered as in their drawing.
        lead = ["point"] if self.request.points else []
        lead += ["name"] if "name" in rows[0] else []
        titles = ["source x, y", "target x, y", "score"]
        titles += ["round trip"] if _ROUND_TRIP in self.found else []
        print_table(
            [*lead, *titles],
            [
                [
                    *(str(number if title == "point" else row[title]) for title in lead),
                    _place(row, "source"),
                    _place(row, "target"),
                    "no match" if row["score"] is None else f"{row['score']:.3f}",
                    *(_length(row[name]) for name in self.columns[len(COLUMNS) :]),
                ]
                for number, row in enumerate(rows, start=1)
            ],
            numbers=["point", *titles],
        )

    def _write_csv(self, target: Path) -> None:
        rows = self.rows()
        columns = list(rows[0]) if rows else self.columns
        with target.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, columns, lineterminator="\n")
            table.writeheader()
            table.writerows(rows)

    def _write_json(self, target: Path) -> None:
        text = json.dumps(self.document(), indent=2, allow_nan=False)
        target.write_text(text + "\n", encoding="utf-8")

    def _draw(self, target: Path) -> None:
        """Both photographs side by side, with numbered points, or with lines between matches."""
        from ...applications import draw_keypoints, draw_matches

        a, b = (one.image for one in self.inputs)
        if self.request.points:
            names = [point.name for point in self.request.points]
            points = self.kept.assign_coords(name=("point", names))
            write_picture(draw_keypoints(a, b, points), target)
            return
        matches = self.matches
        if self.request.max_matches is None:
            matches = best_spread(matches, DRAWN)
        write_picture(draw_matches(a, b, matches), target)


def best_spread(matches: "xr.Dataset", count: int) -> "xr.Dataset":
    """The best `count` matches that lie spread over the image, the best first.

    They are taken from the better half: a place that nothing matches well, like the edge of an
    image, is left empty rather than shown with a match that is most likely wrong.
    """
    from ...matchers import spread_matches

    better = max(count, (matches.sizes["match"] + 1) // 2)
    return spread_matches(matches.isel(match=slice(better)), count)


def _rows(matches: "xr.Dataset", names: Sequence[str] = COLUMNS) -> list[Row]:
    """The rows of a Dataset with one dimension, rounded to what can be told apart.

    Lengths have 3 digits after the point, scores 5.
    """
    columns = [matches[name].values.tolist() for name in names]
    return [
        {
            name: round(value, 5 if name == "score" else 3) if math.isfinite(value) else None
            for name, value in zip(names, values, strict=True)
        }
        for values in zip(*columns, strict=True)
    ]


def _spread(found: "xr.Dataset", count: int) -> "xr.DataArray":
    """Where on the grid the matches lie that are spread over the image."""
    import numpy as np

    from ...matchers import to_matches

    best = best_spread(to_matches(found), count)
    marked = np.zeros(found["matched"].shape, dtype=bool)
    # A match begins at the centre of its cell, so that the coordinates are found exactly.
    rows = np.searchsorted(found["y"].values, best["source_y"].values)
    columns = np.searchsorted(found["x"].values, best["source_x"].values)
    marked[rows, columns] = True
    return found["matched"].copy(data=marked)


def _place(row: Row, side: str) -> str:
    x, y = (_length(row[f"{side}_{axis}"]) for axis in "xy")
    return "-" if x == "-" else f"{x}, {y}"


def _length(pixels: float | str | None) -> str:
    return "-" if pixels is None else f"{pixels:.1f}"
