"""What `descr match` prints: a table of matches and a summary."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .errors import say
from .results import Result, Row, best_spread, dataset_rows
from .tables import print_facts, print_table

if TYPE_CHECKING:
    import xarray as xr

    from ..matchers import Matcher

SHOWN = 10
"""How many matches the table shows; for points it shows all."""


def print_matches(result: Result, outputs: Sequence[Path]) -> None:
    """Print the table, the summary, and what was written."""
    if result.points:
        # Under the numbers of the drawing.
        numbered = enumerate(result.rows(), start=1)
        rows: list[Row] = [{"point": str(number), **row} for number, row in numbered]
    else:
        rows = dataset_rows(best_spread(result.matches(), SHOWN))
    if rows:
        titles = [column.replace("_", " ") for column in rows[0]]
        cells = [[_cell(row, column) for column in row] for row in rows]
        print_table(titles, cells, numbers=[title for title in titles if title != "name"])
        typer.echo()
    print_facts(_facts(result, outputs))


def say_unmatched(matcher: "Matcher", found: "xr.Dataset", *, masked: bool) -> None:
    """Say why points have no match: how many lie outside the mask, or have no match back.

    `masked` says whether the source has a mask.
    """
    from ..matchers import MutualNearestNeighbor

    # Points outside the source's mask have no score: no matcher answers them.
    unmatched, asked = ~found["matched"], found["score"].notnull()
    outside = int((unmatched & ~asked).sum())
    if outside and masked:
        points = "1 point lies" if outside == 1 else f"{outside} points lie"
        say(f"{points} outside the mask of {found.attrs['source_name']}, and so no match is sought")
    count = int((unmatched & asked).sum())
    if count and isinstance(matcher, MutualNearestNeighbor):
        points = "1 point has" if count == 1 else f"{count} points have"
        say(f"{points} no match back; --matcher nearest or soft-argmax always answers")


def _cell(row: Row, column: str) -> str:
    value = row[column]
    if isinstance(value, str):
        return value
    if value is None:
        return "no match" if column == "score" else "-"
    return f"{value:.3f}" if column == "score" else f"{value:.1f}"


def _facts(result: Result, outputs: Sequence[Path]) -> list[tuple[str, str]]:
    summary = result.summary()
    asked = "points" if result.points else "cells"
    median = summary["median_score"]
    facts = [
        ("images", f"{result.a.title} to {result.b.title}"),
        (asked, f"{summary[asked]:,}"),
        ("matched", f"{summary['matched']:,} ({summary['share']:.1%})"),
        ("median score", "-" if median is None else f"{median:.3f}"),
        ("descriptor", result.descriptor),
        ("matcher", str(summary["matcher"])),
        ("seconds", f"{result.seconds:.2f}"),
    ]
    return [*facts, *(("written", str(path)) for path in outputs)]
