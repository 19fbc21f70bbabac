"""What match and transfer share: matches chosen, written, drawn and listed."""

import os
import re
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..console.errors import UserError, say
from ..console.tables import Table
from .comparison import Comparison
from .drawings import PairDrawingOptions
from .groups import Panel
from .images import Answer, PairCommand, format_number, median
from .inputs import check_photographs
from .outputs import PICTURES, Writer, write_picture
from .verification import Verification

if TYPE_CHECKING:
    import xarray as xr

    from ...applications.exchange import Point

_TABLES = {".csv": "table", ".json": "table and summary", ".nc": "the Dataset"}
DRAWN = 60
"""How many matches a drawing shows, unless a number is given: more can't be told apart."""
_LISTED = 10  # how many matches the table shows; of points it shows all
_ROUND_TRIP = "round_trip_error"

_PAIR = re.compile(r"\s*([^,;\s]+)\s*[,;]\s*([^,;\s]+)\s*")
_POINT_HINT = "give x,y as in 120,64.5, or a file"

places_field = Panel("Which places")


class MatchCommand(PairCommand):
    """A command whose result is matches: of the points, or of every cell where there are none."""

    points: list[str] | None
    min_score: float | None = None
    max_matches: int | None = None
    drawing: PairDrawingOptions
    verification: Verification = Verification()
    SUFFIXES: ClassVar = {"output": _TABLES | dict.fromkeys(PICTURES, "drawing")}

    @cached_property
    def query(self) -> "list[Point]":
        """The points."""
        return parse_points(self.points or ())

    @property
    def names(self) -> list[str]:
        """The name of each point, "" for none."""
        return [point.name for point in self.query]

    @property
    def read(self) -> list[Path]:
        """See `WorkCommand.read`."""
        files = [Path(value) for value in self.points or () if os.path.isfile(value)]
        return [*super().read, *files]

    def check(self) -> None:
        """Read the points, so that their faults are said soon."""
        _ = self.query

    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse a drawing of feature files, points outside the source, and a wrong verifier."""
        _ = self.verification.verifier
        drawings = [path for path in self.written() if path.suffix.lower() in PICTURES]
        if drawings:
            instead = "write .csv, .json or .nc"
            check_photographs(comparison.inputs, "drawing", drawings, instead=instead)
        source = comparison.inputs[0]
        check_inside(self.query, width=source.width, height=source.height, image=source.name)

    def summary(self, comparison: Comparison, matches: "xr.Dataset", **masks: Any) -> Answer:
        """What is told of the matches, of which some are kept; masks are as in `match`."""
        from ...applications.exchange import best_spread, match_rows, select_matches
        from ...matchers import to_matches

        if self.query:
            self._say_unmatched(matches)
        kept = select_matches(matches, min_score=self.min_score)
        kept, verification, verification_facts = self.verification.apply(kept)
        if verification and not verification["verification"]["inliers"]:
            self.warn(": ".join(verification_facts[0]))
        kept = select_matches(kept, max_matches=self.max_matches)
        best = to_matches(kept)
        listed = kept if self.query else best_spread(best, _LISTED)
        # Places outside the source's mask have no score, and don't count as cells.
        count = len(self.query) or int(matches["score"].notnull().sum())
        matched = int(matches["matched"].sum())
        places = "points" if self.query else "cells"
        numbers: dict[str, Any] = {
            places: count,
            "matched": matched,
            "share": round(matched / count, 4) if count else 0.0,
            "kept": best.sizes["match"],
            "median_score": median(best["score"].values.astype(float), 5),
        }
        fewer = f", {numbers['kept']:,} kept" if numbers["kept"] < matched else ""
        facts = [
            (places, f"{count:,}"),
            ("matched", f"{matched:,} ({numbers['share']:.1%}){fewer}"),
            ("median score", format_number(numbers["median_score"], "{:.3f}")),
        ]
        if _ROUND_TRIP in matches:
            error = median(matches[_ROUND_TRIP].values.astype(float), 3)
            numbers[f"median_{_ROUND_TRIP}"] = error
            facts += [] if error is None else [("median round trip", f"{error:.1f} pixels")]
        if "margin" in best:
            numbers["median_margin"] = median(best["margin"].values.astype(float), 5)
            facts.append(("median margin", format_number(numbers["median_margin"], "{:.3f}")))
        return Answer(
            numbers=numbers | verification,
            facts=facts + verification_facts,
            writers=self._writers(comparison, kept, best, tuple(masks.values())),
            more=lambda: {"matches": match_rows(kept, self.names)},
            tables=self._tables(match_rows(listed, self.names)),
        )

    def _writers(
        self, comparison: Comparison, kept: "xr.Dataset", best: "xr.Dataset", masks: Any
    ) -> dict[Path, Writer]:
        from ...applications.exchange import best_spread, write_matches

        def draw(target: Path) -> None:
            import xarray as xr

            from ...applications import draw_keypoints, draw_matches

            a, b = (one.image for one in comparison.inputs)
            options = {**self.drawing.of_library(), "masks": masks}
            if self.query:
                agreeing = kept["inlier"] if "inlier" in kept else kept["matched"]
                points = kept.assign(matched=agreeing).assign_coords(name=("point", self.names))
                for name in ("color", "opacity"):  # those of lines
                    options.pop(name, None)
                write_picture(draw_keypoints(a, b, points, **options), target)
                return
            count = DRAWN if self.max_matches is None else self.max_matches
            parts = [best]
            if "inlier" in best:
                # As many of those that were rejected: few of the best are.
                parts = [best.isel(match=best["inlier"].values == agree) for agree in (True, False)]
            parts = [best_spread(one, count) for one in parts]
            shown = xr.concat(
                parts, "match", data_vars="minimal", coords="minimal", compat="override"
            )
            if "inlier" not in shown:  # what is kept is verified
                shown = shown.assign(inlier=shown["score"].notnull())
            write_picture(draw_matches(a, b, shown, **options), target)

        writers: dict[str, Writer] = dict.fromkeys(PICTURES, draw)
        writers |= dict.fromkeys((".csv", ".nc"), partial(write_matches, kept, names=self.names))
        suffixes = {path: path.suffix.lower() for path in self.written()}
        return {path: writers[suffix] for path, suffix in suffixes.items() if suffix in writers}

    def _tables(self, rows: Sequence[dict[str, Any]]) -> list[Table]:
        """The rows, if any, as they are printed; points are numbered as in their drawing."""
        columns: dict[str, list[str]] = {}
        if not rows:
            return []
        if self.query:
            columns["point"] = [str(number) for number in range(1, len(rows) + 1)]
        if "name" in rows[0]:
            columns["name"] = [row["name"] for row in rows]
        for side in ("source", "target"):
            places = ((row[f"{side}_x"], row[f"{side}_y"]) for row in rows)
            columns[f"{side} x, y"] = ["-" if x is None else f"{x:.1f}, {y:.1f}" for x, y in places]
        scores = (row["score"] for row in rows)
        columns["score"] = ["no match" if score is None else f"{score:.3f}" for score in scores]
        if "margin" in rows[0]:
            columns["margin"] = [format_number(row["margin"], "{:.3f}") for row in rows]
        if "inlier" in rows[0]:
            columns["agrees"] = [{True: "yes", False: "no"}.get(row["inlier"], "-") for row in rows]
        if _ROUND_TRIP in rows[0]:
            columns["round trip"] = [format_number(row[_ROUND_TRIP], "{:.1f}") for row in rows]
        numbers = [title for title in columns if title != "name"]
        return [Table(list(columns), list(zip(*columns.values(), strict=True)), numbers)]

    def _say_unmatched(self, matches: "xr.Dataset") -> None:
        """Say why points have no match: how many lie outside the mask, or have no match back."""
        # Points outside the source's mask have no score: no matcher answers them.
        unmatched, inside = ~matches["matched"], matches["score"].notnull()
        outside, lost = (int((unmatched & which).sum()) for which in (~inside, inside))
        if outside and self.masks.any:
            points = "1 point lies" if outside == 1 else f"{outside} points lie"
            name = matches.attrs["source_name"]
            say(f"{points} outside the mask of {name}, and so no match is sought")
        if lost and matches.attrs["matcher"].startswith("MutualNearestNeighbor("):
            points = "1 point has" if lost == 1 else f"{lost} points have"
            say(f"{points} no match back; --matcher nearest or soft-argmax always answers")


def parse_points(values: Sequence[str], option: str = "--points") -> "list[Point]":
    """The points in the order given; each value is `x,y` or the path of a CSV or JSON file.

    Raises `UserError` or `PointError`, which name the value, or the file and the line.
    """
    if not values:
        return []
    from ...applications.exchange.points import Point, is_number, read_points

    points: list[Point] = []
    for value in values:
        pair = _PAIR.fullmatch(value)
        if os.path.isfile(value):
            points += read_points(Path(value))
        elif pair is not None and all(map(is_number, pair.groups())):
            x, y = pair.groups()
            points.append(Point.of(x, y, "", f"{option} {value}"))
        else:
            raise UserError(f"{option}: {_fault(value)}", hint=_POINT_HINT)
    return points


def check_inside(points: "Sequence[Point]", *, width: int, height: int, image: str) -> None:
    """Raise `UserError` for a point outside the image, which spans -0.5 to its sides - 0.5."""
    for point in points:
        if not (-0.5 <= point.x <= width - 0.5 and -0.5 <= point.y <= height - 0.5):
            raise UserError(
                f"{point.origin}: the point lies outside {image}, which is "
                f"{width} x {height} pixels",
                hint="0,0 is the centre of the top-left pixel, x to the right and y down",
            )


def _fault(value: str) -> str:
    if not value.strip():
        return "no point"
    if os.path.exists(value):
        return f"{value} is {'a folder' if os.path.isdir(value) else 'not a regular file'}"
    return f"{value!r} is not x,y in numbers" if "," in value else f"no such file: {value}"
