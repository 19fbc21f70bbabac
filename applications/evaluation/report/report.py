"""The report of a run: its numbers, and all that is needed to repeat and to judge them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..datasets import Dataset
from ..protocols.protocol import LENGTHS, Protocol, find_published
from ..protocols.recipes import Recipe
from ..run.predictions import run_of
from ..run.workers import Progress, silent
from .measures import Measure, Units, default_protocol, finite, measure
from .scores import score_points

SCHEMA = 1


def build_report(
    predictions: xr.Dataset,
    dataset: Dataset,
    *,
    protocol: Protocol | None = None,
    recipe: Recipe | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The report of a run as a document that JSON holds.

    Args:
        predictions: What `predict` gave.
        dataset: The data set that they are of.
        protocol: The protocol that is put first: the recipe's, or the data set's, without it. All
            variants are there beside it.
        recipe: The recipe that was asked for.
        progress: What shows how far the scoring of flows and masks is.

    Returns:
        dict: `protocol`, `numbers` (each with its 95% interval over pairs), `by_category`,
            `variants` (of PCK), `by_flag`, `published`, `counts`, `pairs` (the numbers of each
            pair), and what made the predictions: `dataset`, `descriptor`, `layers`, `matcher`,
            `settings`, `versions`, and the identity of the `basis` if there was one. Shares are 0
            to 1; None stands for a number that there is none of.

    Raises:
        OptionError, DatasetError: The protocol doesn't fit the predictions; files of the data set
            are gone.
    """
    if protocol is None:
        protocol = default_protocol(dataset, predictions)
        if recipe is not None and dataset.name in recipe.protocols:
            protocol = replace(recipe.protocols[dataset.name], split=protocol.split)
    units, measures = measure(predictions, dataset, protocol, progress)
    run = run_of(predictions)
    document: dict[str, Any] = {
        "descr_evaluation": SCHEMA,
        "protocol": {
            **protocol.record(),
            "line": protocol.line(),
            "length": LENGTHS[protocol.threshold] if protocol.threshold else None,
        },
        "recipe": None if recipe is None else {"name": recipe.name, "source": recipe.source},
        "note": "" if recipe is None else _note(recipe, dataset.name, run["layers"]),
        "numbers": [one.record(units.category) for one in measures],
        "by_category": _by_category(units, measures),
        "variants": [],
        "by_flag": {},
        "published": _published(dataset, protocol, recipe),
        **run,
    }
    counted = measures[0].of > 0
    document["counts"] = {**run["counts"], f"counted_{units.what}": int(counted.sum())}
    if predictions.attrs["truth"] == "points":
        table = score_points(predictions, protocol.alphas)
        document["variants"] = _variants(table)
        document["by_flag"] = _by_flag(table, protocol, measures)
        skipped = {"skipped_pairs": int((~counted).sum())}
        document["counts"] |= {**skipped, **_counts_of_points(predictions)}
    document["pairs"] = {
        "what": units.what,
        "name": units.names,
        "category": units.category.tolist(),
        "of": [_numbers(one.of) for one in measures],
        "right": [_numbers(one.right) for one in measures],
    }
    return document


def _note(recipe: Recipe, dataset: str, layers: Sequence[Mapping[str, Any]]) -> str:
    """What differs from the original: in the recipe, and in what these features were made with."""
    parts = [recipe.note, recipe.notes.get(dataset, "")]
    if recipe.captioner_option and not any(one["settings"].get("captioner") for one in layers):
        parts.append("made without the implicit captioner")
    if any(one.get("weights_variant") == "float16" for one in layers):
        parts.append("made with weights from half-precision files")
    return "; ".join(part for part in parts if part)


def _by_category(units: Units, measures: Sequence[Measure]) -> list[dict[str, Any]]:
    rows = []
    for name in np.unique(units.category).tolist():
        own = units.category == name
        parts = [one.within(own) for one in measures]
        of = parts[0].of
        values = [finite(one.value(units.category[own])) for one in parts]
        counts = {units.what: int((of > 0).sum()), "points": int(of.sum())}
        rows.append({"category": name, **counts, "values": values})
    return rows


def _variants(table: xr.Dataset) -> list[dict[str, Any]]:
    pck = table["pck"]
    names = {str(name): pck[name].values.tolist() for name in pck.dims}
    alphas = names.pop("alpha")
    rows = zip(product(*names.values()), pck.values.reshape(-1, len(alphas)), strict=True)
    return [
        {
            **dict(zip(names, variant, strict=True)),
            "alphas": alphas,
            "values": list(map(finite, values)),
        }
        for variant, values in rows
    ]


def _by_flag(
    table: xr.Dataset, protocol: Protocol, measures: Sequence[Measure]
) -> dict[str, list[dict[str, Any]]]:
    """The numbers of the protocol for each value of each flag."""
    table = table.sel(
        threshold=protocol.threshold or "bbox",
        average=measures[0].average,
        comparison=protocol.comparison or "<",
    )
    prefix = "pck_by_"
    names = [str(name).removeprefix(prefix) for name in table if str(name).startswith(prefix)]
    return {
        flag: [
            {
                "value": value,
                **{what: int(table[f"{what}_by_{flag}"][n]) for what in ("pairs", "points")},
                "values": list(map(finite, table[f"{prefix}{flag}"].values[n])),
            }
            for n, value in enumerate(table[flag].values.tolist())
        ]
        for flag in names
        if flag != "category"
    }


def _counts_of_points(predictions: xr.Dataset) -> dict[str, int]:
    points = predictions["points"].values
    outside = np.zeros(predictions.sizes["point"], dtype=bool)
    for axis, side in (("x", "width"), ("y", "height")):
        at = predictions[f"source_{axis}"].values
        length = np.repeat(predictions[f"source_{side}"].values, points)
        outside |= (at < -0.5) | (at > length - 0.5)
    return {
        "points": int(points.sum()),
        "unmatched_points": int((~predictions["matched"].values.astype(bool)).sum()),
        "points_outside_their_image": int(outside.sum()),
    }


def _published(dataset: Dataset, protocol: Protocol, recipe: Recipe | None) -> list[dict[str, Any]]:
    """What was published on the data set, and whether by the protocol of the report."""
    rows = find_published(dataset.name) if recipe is None else recipe.published(dataset.name)
    return [
        {
            "method": row.method,
            "subset": own.subset,
            "line": own.line(),
            "alphas": list(own.alphas),
            "percent": list(row.percent),
            "source": row.source,
            "same_protocol": own == replace(protocol, subset=own.subset, alphas=own.alphas),
        }
        for row, own in ((row, row.protocol) for row in rows)
    ]


def _numbers(values: npt.NDArray[np.float64]) -> list[float | int | None]:
    """The numbers as JSON holds them: whole ones as such, what is infinite as None."""
    return [
        None if not math.isfinite(value) else int(value) if value.is_integer() else value
        for value in values.tolist()
    ]
