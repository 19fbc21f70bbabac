"""The answer of a transfer: rows, numbers, files and what is printed."""

import csv
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .inputs import Input

if TYPE_CHECKING:
    import xarray as xr

SUFFIXES = {
    ".csv": "table",
    ".json": "table and summary",
    ".nc": "the Dataset",
    ".png": "drawing",
}
COLUMNS = ("source_x", "source_y", "target_x", "target_y", "score", "round_trip_error")
_DIGITS = {"score": 5}
"""Of a number that is written, after the point; 3 unless it says otherwise."""


@dataclass(frozen=True, eq=False)
class Transferred:
    """What a transfer found.

    Parameters
    ----------
    a, b:
        Source and target.
    descriptor:
        The `repr` of the descriptor that made the features.
    found:
        What `transfer_keypoints` gave.
    seconds:
        How long the reading, extracting and matching took.
    """

    a: Input
    b: Input
    descriptor: str
    found: "xr.Dataset"
    seconds: float

    def rows(self) -> list[dict[str, Any]]:
        """One row per point, in the order given; without a match it has None for its place."""
        matched = self.found["matched"].values.tolist()
        names = self.found["name"].values.tolist()
        columns = [self.found[name].values.tolist() for name in COLUMNS]
        rows = []
        for name, has_match, values in zip(names, matched, zip(*columns, strict=True), strict=True):
            row = dict(zip(COLUMNS, values, strict=True))
            if not has_match:
                row["score"] = math.nan
            numbers = {key: _rounded(value, _DIGITS.get(key, 3)) for key, value in row.items()}
            rows.append({"name": name, **numbers} if any(names) else numbers)
        return rows

    def summary(self) -> dict[str, Any]:
        """The numbers of the transfer, under the names that they have in the JSON document."""
        errors = [row["round_trip_error"] for row in self.rows()]
        known = [error for error in errors if error is not None]
        return {
            "source": self.a.document(),
            "target": self.b.document(),
            "matched": int(self.found["matched"].sum()),
            "median_round_trip_error": _median(known),
            "seconds": round(self.seconds, 3),
            "descriptor": self.descriptor,
            "matcher": self.found.attrs["matcher"],
        }

    def document(self) -> dict[str, Any]:
        """The JSON document: the summary, and the rows under `points`."""
        return {**self.summary(), "points": self.rows()}


def writer(result: Transferred, path: Path) -> Callable[[Path], None]:
    """What writes the result in the form that the suffix of `path` asks for."""
    write = {".csv": _write_csv, ".json": _write_json, ".nc": _write_netcdf, ".png": _write_drawing}
    return lambda target: write[path.suffix.lower()](result, target)


def print_transferred(result: Transferred, outputs: Sequence[Path]) -> None:
    """Print the points, the summary, and what was written."""
    from .tables import print_facts, print_table

    rows = result.rows()
    named = ["name"] if "name" in rows[0] else []
    titles = ["point", *named, "source x, y", "target x, y", "score", "round trip"]
    print_table(
        titles,
        [
            [str(number), *(row[name] for name in named), *_cells(row)]
            for number, row in enumerate(rows, start=1)
        ],
        numbers=[title for title in titles if title != "name"],
    )
    typer.echo()
    print_facts(_facts(result, outputs))


def _facts(result: Transferred, outputs: Sequence[Path]) -> list[tuple[str, str]]:
    summary = result.summary()
    error = summary["median_round_trip_error"]
    return [
        ("images", f"{result.a.title} to {result.b.title}"),
        ("matched", f"{summary['matched']} of {result.found.sizes['point']}"),
        ("median round trip", "-" if error is None else f"{error:.1f} pixels"),
        ("descriptor", result.descriptor),
        ("matcher", str(summary["matcher"])),
        ("seconds", f"{result.seconds:.2f}"),
        *(("written", str(path)) for path in outputs),
    ]


def _write_csv(result: Transferred, target: Path) -> None:
    rows = result.rows()
    with target.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def _write_json(result: Transferred, target: Path) -> None:
    text = json.dumps(result.document(), indent=2, allow_nan=False)
    target.write_text(text + "\n", encoding="utf-8")


def _write_netcdf(result: Transferred, target: Path) -> None:
    result.found.to_netcdf(target, engine="netcdf4")


def _write_drawing(result: Transferred, target: Path) -> None:
    import PIL.Image

    from ..applications import draw_keypoints

    assert result.a.image is not None
    assert result.b.image is not None
    picture = draw_keypoints(result.a.image, result.b.image, result.found)
    PIL.Image.fromarray(picture).save(target, format="PNG")


def _cells(row: dict[str, Any]) -> list[str]:
    """The places, the score and the round trip of a row, in words."""
    places = [
        "-" if row[f"{side}_x"] is None else f"{row[f'{side}_x']:.1f}, {row[f'{side}_y']:.1f}"
        for side in ("source", "target")
    ]
    score, error = row["score"], row["round_trip_error"]
    return [
        *places,
        "no match" if score is None else f"{score:.3f}",
        "-" if error is None else f"{error:.1f}",
    ]


def _rounded(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


def _median(values: list[float]) -> float | None:
    from statistics import median

    return round(median(values), 3) if values else None
