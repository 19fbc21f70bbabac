"""The matches to keep, as rows of a table, and as files of CSV, JSON and NetCDF."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from ...descriptors.errors import OptionError
from ...descriptors.runtime.atomic import whole_file
from ...descriptors.settings import check_float, check_int
from ...matchers import spread_matches, to_matches

COLUMNS = ("source_x", "source_y", "target_x", "target_y", "score")
ROUND_TRIP = "round_trip_error"
_OTHERS = ("margin", ROUND_TRIP, "inlier")
_DIGITS = dict.fromkeys(("score", "margin", "agreement", "scale"), 5)

Row: TypeAlias = dict[str, float | str | None]


def _columns(correspondences: xr.Dataset) -> list[str]:
    """What a row holds, besides a name."""
    return [*COLUMNS, *(name for name in _OTHERS if name in correspondences)]


def table_rows(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """The rows of columns, by their names; numbers are rounded, and None if they are not finite."""

    def rounded(name: str, value: Any) -> Any:
        if not isinstance(value, float):
            return value
        return round(value, _DIGITS.get(name, 3)) if math.isfinite(value) else None

    return [
        {name: rounded(name, value) for name, value in zip(columns, values, strict=True)}
        for values in zip(*columns.values(), strict=True)
    ]


def match_rows(correspondences: xr.Dataset, names: Sequence[str] | None = None) -> list[Row]:
    """Matches as rows: dicts from the names of columns to values.

    Lengths are pixels with 3 digits after the point, scores and margins have 5: what can be told
    apart. Margins, errors of the way back and inliers are there where the correspondences have
    them.

    Args:
        correspondences: Over (y, x), which gives one row per match, best first; over `point`, one
            per point in their order, with None for target and score of a point without a match; or
            a list over `match`.
        names: Of the points; by default those of the coordinate `name`. Rows have a `name` if any
            point has one.
    """
    if "y" in correspondences.dims:
        correspondences = to_matches(correspondences)
    columns = _columns(correspondences)
    rows: list[Row] = table_rows({name: correspondences[name].values.tolist() for name in columns})
    if "point" not in correspondences.dims:
        return rows
    for row, matched in zip(rows, correspondences["matched"].values, strict=True):
        if not matched:
            row.update(dict.fromkeys(columns[2:]))
    if names is None and "name" in correspondences.coords:
        names = correspondences["name"].values.tolist()
    if not any(names or ()):
        return rows
    return [{"name": name, **row} for name, row in zip(names or (), rows, strict=True)]


def write_matches(
    correspondences: xr.Dataset,
    path: str | Path,
    *,
    names: Sequence[str] | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write matches to a file, whole or not at all; its suffix says in which form.

    Args:
        correspondences, names: As for `match_rows`.
        path: `.csv` has a line per row; `.json` is an object with the rows under `matches`; `.nc`
            is the Dataset itself. `read_points` reads the sources back from CSV and JSON.
        about: What the object of JSON says besides.

    Raises:
        OptionError: The suffix is another.
        OutputError: The file can't be written.
    """
    rows = match_rows(correspondences, names)
    columns = list(rows[0]) if rows else _columns(correspondences)
    write_table(path, correspondences, rows, columns, {**(about or {}), "matches": rows})


def write_table(
    path: str | Path,
    dataset: xr.Dataset,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    document: Mapping[str, Any],
) -> None:
    """Write a table as its suffix says: the Dataset, the columns of the rows, or the document.

    Raises as `write_matches` does.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".csv", ".json", ".nc"):
        raise OptionError(
            f"{path}: the suffix {suffix!r} means nothing", hint="use .csv, .json or .nc"
        )
    with whole_file(path) as target:
        if suffix == ".nc":
            dataset.to_netcdf(target, engine="netcdf4")
            return
        if suffix == ".json":
            text = json.dumps(document, indent=2, allow_nan=False)
            target.write_text(text + "\n", encoding="utf-8")
            return
        # Names of files that are no valid text come out as they are.
        with target.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            table.writeheader()
            table.writerows(rows)


def select_matches(
    correspondences: xr.Dataset, *, min_score: float | None = None, max_matches: int | None = None
) -> xr.Dataset:
    """The correspondences with only some of the matches matched; the others lose their targets.

    Args:
        correspondences: What a matcher gives, over (y, x) or (point).
        min_score: The least score of a match, a cosine from -1 to 1.
        max_matches: How many matches are kept of those over (y, x): the best that lie spread over
            the image, as `best_spread` takes them.

    Raises:
        OptionError: A limit is out of range.
    """
    matched = correspondences["matched"].copy()
    if min_score is not None:
        check_float("min_score", min_score, minimum=-1, maximum=1)
        matched &= correspondences["score"] >= min_score
    if max_matches is not None:
        check_int("max_matches", max_matches, minimum=1)
        best = best_spread(to_matches(correspondences.assign(matched=matched)), max_matches)
        # A match begins at the centre of its cell, so that the coordinates are found exactly.
        rows, columns = (
            np.searchsorted(correspondences[axis].values, best[f"source_{axis}"].values)
            for axis in ("y", "x")
        )
        matched[:] = False
        matched.values[rows, columns] = True
    x, y = (correspondences[name].where(matched) for name in ("target_x", "target_y"))
    kept = correspondences.assign(matched=matched, target_x=x, target_y=y)
    return kept.assign(inlier=kept["inlier"] & matched) if "inlier" in kept else kept


def best_spread(matches: xr.Dataset, count: int) -> xr.Dataset:
    """The best `count` matches that lie spread over the image, the best first.

    They are taken from the better half of `matches`, which `to_matches` gives: a place that nothing
    matches well, like the edge of an image, is left empty. All are taken where there are fewer.
    """
    better = max(count, (matches.sizes["match"] + 1) // 2)
    return spread_matches(matches.isel(match=slice(better)), count)
