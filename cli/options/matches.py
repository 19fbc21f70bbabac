"""What match and transfer share: matches filtered, written, drawn and listed."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..console.errors import say
from ..console.tables import print_table
from .comparison import Comparison
from .groups import panel
from .images import Fact, median
from .inputs import check_photographs
from .outputs import PICTURES, Writer, check_suffixes, write_picture
from .pairs import PairCommand, PairResult
from .points import check_inside, parse_points

if TYPE_CHECKING:
    import xarray as xr

    from ...applications.exchange import Point

SUFFIXES = {".csv": "table", ".json": "table and summary", ".nc": "the Dataset"} | dict.fromkeys(
    PICTURES, "drawing"
)
DRAWN = 60
"""How many matches a drawing shows, unless a number is given: more can't be told apart."""
SHOWN = 10
"""How many matches the table shows; for points it shows all."""
_ROUND_TRIP = "round_trip_error"

places_field = panel("Which places")


class MatchCommand(PairCommand):
    """A command whose result is matches: of the points, or of every cell where there are none."""

    points: list[str] | None
    min_score: float | None = None
    max_matches: int | None = None

    @cached_property
    def query(self) -> "list[Point]":
        """The points."""
        return parse_points(self.points or ())

    @property
    def places(self) -> list[tuple[float, float]]:
        """The points as x and y, in pixels of A."""
        return [(point.x, point.y) for point in self.query]

    @property
    def names(self) -> list[str]:
        """The name of each point, "" for none."""
        return [point.name for point in self.query]

    @property
    def read(self) -> list[Path]:
        """All files that are read."""
        files = [Path(value) for value in self.points or () if os.path.isfile(value)]
        return [*super().read, *files]

    def check(self) -> None:
        """Refuse suffixes that mean nothing, and read the points, so that faults are said soon."""
        check_suffixes(self.written, SUFFIXES)
        _ = self.query

    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse a drawing of feature files, and points outside the source."""
        drawings = [path for path in self.written if path.suffix.lower() in PICTURES]
        if drawings:
            instead = "write .csv, .json or .nc"
            check_photographs(comparison.inputs, "drawing", drawings, instead=instead)
        source = comparison.inputs[0]
        check_inside(self.query, width=source.width, height=source.height, image=source.name)

    def result(self, matches: "xr.Dataset", **common: Any) -> PairResult:
        """The matches that are kept, after a line on points without one."""
        result = MatchResult(command=self, matches=matches, **common)
        if self.query:
            result.say_unmatched()
        return result


@dataclass(frozen=True, eq=False, kw_only=True)
class MatchResult(PairResult):
    """The matches, and which of them are kept."""

    command: MatchCommand

    @cached_property
    def kept(self) -> "xr.Dataset":
        """The Dataset with only the matches that are kept matched."""
        from ...applications.exchange import select_matches

        score, count = self.command.min_score, self.command.max_matches
        return select_matches(self.matches, min_score=score, max_matches=count)

    @cached_property
    def best(self) -> "xr.Dataset":
        """The matches that are kept along `match`, best first."""
        from ...matchers import to_matches

        return to_matches(self.kept)

    def numbers(self) -> dict[str, Any]:
        """How many places were asked for, matched and kept; medians are of those that are kept."""
        # Places outside the source's mask have no score, and don't count as cells.
        places = len(self.command.query) or int(self.matches["score"].notnull().sum())
        matched = int(self.matches["matched"].sum())
        numbers = {
            "points" if self.command.query else "cells": places,
            "matched": matched,
            "share": round(matched / places, 4) if places else 0.0,
            "kept": self.best.sizes["match"],
            "median_score": median(self.best["score"].values.astype(float), 5),
        }
        if _ROUND_TRIP in self.matches:
            errors = self.matches[_ROUND_TRIP].values.astype(float)
            numbers[f"median_{_ROUND_TRIP}"] = median(errors, 3)
        return numbers

    def of_numbers(self, numbers: dict[str, Any]) -> list[Fact]:
        """The same to be read."""
        places = "points" if self.command.query else "cells"
        kept = f", {numbers['kept']:,} kept" if numbers["kept"] < numbers["matched"] else ""
        score, error = numbers["median_score"], numbers.get(f"median_{_ROUND_TRIP}")
        return [
            (places, f"{numbers[places]:,}"),
            ("matched", f"{numbers['matched']:,} ({numbers['share']:.1%}){kept}"),
            ("median score", "-" if score is None else f"{score:.3f}"),
            *([] if error is None else [("median round trip", f"{error:.1f} pixels")]),
        ]

    def rows(self, matches: "xr.Dataset") -> list[dict[str, Any]]:
        """One row per match, best first; for points one per point, in the order given."""
        from ...applications.exchange import match_rows

        return match_rows(matches, self.command.names)

    def whole_document(self) -> dict[str, Any]:
        """The summary, and the rows under `matches`."""
        return {**super().whole_document(), "matches": self.rows(self.kept)}

    def writers(self) -> dict[Path, Writer]:
        """What writes each of the files, in the form that its suffix asks for."""
        from ...applications.exchange import write_matches

        write = partial(
            write_matches, self.kept, names=self.command.names, about=super().whole_document()
        )
        return {
            path: self._draw if path.suffix.lower() in PICTURES else write
            for path in self.command.written
        }

    def print(self) -> None:
        """Print the document; or a table of points, or of the best matches, and a summary."""
        from ...applications.exchange import best_spread

        if not self.command.as_json:
            places = self.kept if self.command.query else best_spread(self.best, SHOWN)
            if rows := self.rows(places):
                self._print_table(rows)
                typer.echo()
        super().print()

    def say_unmatched(self) -> None:
        """Say why points have no match: how many lie outside the mask, or have no match back."""
        # Points outside the source's mask have no score: no matcher answers them.
        unmatched, inside = ~self.matches["matched"], self.matches["score"].notnull()
        outside, lost = (int((unmatched & which).sum()) for which in (~inside, inside))
        if outside and self.command.masks.any:
            points = "1 point lies" if outside == 1 else f"{outside} points lie"
            name = self.matches.attrs["source_name"]
            say(f"{points} outside the mask of {name}, and so no match is sought")
        if lost and self.matches.attrs["matcher"].startswith("MutualNearestNeighbor("):
            points = "1 point has" if lost == 1 else f"{lost} points have"
            say(f"{points} no match back; --matcher nearest or soft-argmax always answers")

    def _print_table(self, rows: Sequence[dict[str, Any]]) -> None:
        # Points are numbered as in their drawing.
        lead = ["point"] if self.command.query else []
        lead += ["name"] if "name" in rows[0] else []
        titles = ["source x, y", "target x, y", "score"]
        titles += ["round trip"] if _ROUND_TRIP in rows[0] else []
        lines = []
        for number, row in enumerate(rows, start=1):
            score = "no match" if row["score"] is None else f"{row['score']:.3f}"
            line = [*({"point": number, **row}[title] for title in lead)]
            line += [_place(row, "source"), _place(row, "target"), score]
            line += [_length(row[_ROUND_TRIP])] if _ROUND_TRIP in row else []
            lines.append([str(cell) for cell in line])
        print_table([*lead, *titles], lines, numbers=["point", *titles])

    def _draw(self, target: Path) -> None:
        """Both photographs side by side, with numbered points, or with lines between matches."""
        from ...applications import draw_keypoints, draw_matches
        from ...applications.exchange import best_spread

        a, b = (one.image for one in self.inputs)
        if self.command.query:
            points = self.kept.assign_coords(name=("point", self.command.names))
            write_picture(draw_keypoints(a, b, points), target)
            return
        count = DRAWN if self.command.max_matches is None else self.command.max_matches
        write_picture(draw_matches(a, b, best_spread(self.best, count)), target)


def _place(row: dict[str, Any], side: str) -> str:
    x, y = (_length(row[f"{side}_{axis}"]) for axis in "xy")
    return "-" if x == "-" else f"{x}, {y}"


def _length(pixels: float | None) -> str:
    return "-" if pixels is None else f"{pixels:.1f}"
