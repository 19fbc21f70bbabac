"""Two runs side by side: what each measured, and how sure the difference is."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import DescrError
from ..metrics import bootstrap_difference
from .measures import Measure, finite
from .report import SCHEMA
from .tables import Table, interval, shown

_NEEDED = ("protocol", "numbers", "pairs", "dataset")
_DIFFERING = ("descriptor", "layers", "matcher", "settings", "recipe", "versions")
"""What may make the numbers of two runs different, beside the basis of those that have one."""


class ReportError(DescrError):
    """A file that holds no report, or two reports that can't be compared."""


def load_report(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The report in a JSON file that `descr evaluate` wrote; `ReportError` if it holds none."""
    name, hint = os.fspath(path), "give a .json file that `descr evaluate -o` wrote"
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except OSError as error:
        raise ReportError(f"cannot read {name}: {error.strerror or error}", hint=hint) from error
    except ValueError as error:
        raise ReportError(f"{name} is not JSON, or is cut off", hint=hint) from error
    if not isinstance(document, dict) or document.get("descr_evaluation") != SCHEMA:
        raise ReportError(f"{name} holds no report of schema {SCHEMA}", hint=hint)
    missing = [key for key in (*_NEEDED, *_DIFFERING) if key not in document]
    if missing:
        raise ReportError(f"{name} is no whole report: it has no {', '.join(missing)}", hint=hint)
    try:
        numbers, pairs = len(document["numbers"]), document["pairs"]
        shapes = [np.shape(pairs[key]) for key in ("of", "right")]
        names = len(pairs["name"])
        agree = len(pairs["category"]) == names and shapes == [(numbers, names)] * 2
    except (KeyError, TypeError, ValueError):
        agree = False
    if not agree:
        raise ReportError(f"{name} was changed: its pairs don't agree with each other", hint=hint)
    return document


def compare_reports(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two reports side by side, as a document that JSON holds.

    Runs are compared on the pairs (or objects) that both measured; the interval of the difference
    takes the same pairs of both, so that what makes a pair hard for both does not widen it.

    Args:
        first, second: Reports, as `build_report` makes them, of one data set and one protocol.

    Returns:
        dict: `numbers`: for each measure both values on the common pairs, `difference` (first minus
            second) with its 95% interval `low` to `high`; `by_category` likewise without intervals;
            `differ`, what differs between the runs.

    Raises `ReportError`: the runs are of different data sets or protocols, or have no pair in
    common.
    """
    for what, mine, other in (
        ("data sets", first["dataset"]["name"], second["dataset"]["name"]),
        ("protocols", first["protocol"]["line"], second["protocol"]["line"]),
    ):
        if mine != other:
            raise ReportError(
                f"the runs are of different {what}: {mine} and {other}",
                hint="numbers of different data sets or protocols can't be compared",
            )
    what, names = first["pairs"]["what"], first["pairs"]["name"]
    places = {name: place for place, name in enumerate(second["pairs"]["name"])}
    common = [(place, places[name]) for place, name in enumerate(names) if name in places]
    if not common:
        raise ReportError(f"the runs have no {what} in common", hint="evaluate the same ones")
    here, there = np.array(common).T
    category = np.array(first["pairs"]["category"], dtype=str)[here]
    # As in the reports: objects are drawn from all videos.
    within = category if what == "pairs" else None
    ours, theirs = _measures(first, here), _measures(second, there)
    numbers = []
    for one, other in zip(ours, theirs, strict=False):
        of = one.of
        if one.unit != "%":
            # A pair may have the quantity in one run alone, as the smoothness of a flow where
            # another matcher gives none.
            of = np.minimum(of, other.of)
        elif not np.array_equal(of, other.of):
            raise ReportError(
                f"the runs count other points of the same {what}: the data set was changed",
                hint="evaluate both on one copy",
            )
        change = bootstrap_difference(one.right, other.right, of, one.average, category=within)
        values = {
            "first": replace(one, of=of).value(category),
            "second": replace(other, of=of).value(category),
            "difference": change.value,
            "low": change.low,
            "high": change.high,
        }
        numbers.append(
            {"label": one.label, "unit": one.unit}
            | {name: finite(value) for name, value in values.items()}
        )
    return {
        "descr_comparison": SCHEMA,
        "dataset": first["dataset"]["title"],
        "protocol": first["protocol"]["line"],
        "what": what,
        "common": len(common),
        "only_first": len(names) - len(common),
        "only_second": len(places) - len(common),
        "numbers": numbers,
        "by_category": _by_category(ours, theirs, category),
        "differ": [
            {"what": name, "first": first.get(name), "second": second.get(name)}
            for name in (*_DIFFERING, "basis")
            if first.get(name) != second.get(name)
        ],
    }


def comparison_tables(document: Mapping[str, Any]) -> list[Table]:
    """The comparison as tables: the measures with the interval of the difference, categories."""
    numbers = document["numbers"]
    tables = [
        Table(
            f"{document['dataset']}: {document['protocol']}",
            ("measure", "first", "second", "difference", "95% interval"),
            tuple(
                (
                    one["label"],
                    *_side_by_side(one["first"], one["second"], one["difference"], one["unit"]),
                    interval(one["low"], one["high"], one["unit"]),
                )
                for one in numbers
            ),
        )
    ]
    if len(document["by_category"]) > 1:
        alike = numbers[0]["unit"] == numbers[-1]["unit"] and document["what"] != "objects"
        place = len(numbers) - 1 if alike else 0
        rows = []
        for row in document["by_category"]:
            first, second = row["first"][place], row["second"][place]
            change = None if first is None or second is None else first - second
            values = _side_by_side(first, second, change, numbers[place]["unit"])
            rows.append((row["category"], f"{row['count']:,}", *values))
        columns = ("category", document["what"], "first", "second", "difference")
        tables.append(Table(f"{numbers[place]['label']} by category", columns, tuple(rows)))
    return tables


def _measures(report: Mapping[str, Any], which: npt.NDArray[np.int64]) -> list[Measure]:
    """What was measured on these pairs; None stands for what is infinite."""
    pairs = report["pairs"]
    right, of = (np.array(pairs[key], dtype=np.float64)[:, which] for key in ("right", "of"))
    right = np.where(np.isnan(right), np.inf, right)
    return [
        Measure(one["label"], one["unit"], right[row], of[row], one["average"])
        for row, one in enumerate(report["numbers"])
    ]


def _by_category(
    ours: Sequence[Measure], theirs: Sequence[Measure], category: npt.NDArray[Any]
) -> list[dict[str, Any]]:
    rows = []
    for name in np.unique(category).tolist():
        own = category == name
        first, second = (
            [finite(one.within(own).value(category[own])) for one in measures]
            for measures in (ours, theirs)
        )
        count = int(np.any([one.of[own] for one in ours], axis=0).sum())
        rows.append({"category": name, "count": count, "first": first, "second": second})
    return rows


def _side_by_side(
    first: float | None, second: float | None, change: float | None, unit: str
) -> tuple[str, str, str]:
    sign = "+" if change is not None and change > 0 else ""
    return shown(first, unit), shown(second, unit), sign + shown(change, unit)
