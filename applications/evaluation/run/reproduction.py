"""The rows of the papers on one data set, measured again and put beside what was published."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from ....descriptors.errors import OptionError, OutOfMemoryError, WeightsNotFoundError
from ....matchers import create
from ...text import markdown
from ..datasets import Dataset, open_dataset
from ..protocols.costs import estimate_costs, teraflops
from ..protocols.protocol import PROTOCOLS, Protocol
from ..protocols.recipes import RECIPES, Recipe, find_recipe
from ..report.measures import measure
from ..report.report import build_report
from ..report.tables import Table, interval, report_facts, shown
from .listing import read_listing
from .steps import predict
from .workers import Progress, silent

if TYPE_CHECKING:
    from distributed import Client


def find_rows(dataset: str, only: Sequence[str] = ()) -> tuple[Recipe, ...]:
    """The recipes of the rows on a data set, or those named in `only`, the cheapest first.

    They are those with a published number on it, or a protocol of their own for it. Raises
    `OptionError` for a data set without any, and for a recipe that is none of them.
    """
    by_dataset = {
        name: [
            one
            for one in RECIPES.values()
            if name in (*one.datasets, *one.protocols) or one.published(name)
        ]
        for name in PROTOCOLS
    }
    rows = by_dataset.get(dataset, [])
    if not rows:
        listed = ", ".join(name for name, recipes in by_dataset.items() if recipes)
        raise OptionError(
            f"there is no row of a paper on {dataset!r}",
            hint=f"there are on {listed}; measure on others with descr evaluate",
        )
    for recipe in map(find_recipe, only):
        if recipe not in rows:
            raise OptionError(
                f"{recipe.name} is no row of a paper on {dataset!r}",
                hint=f"its rows are {', '.join(row.name for row in rows)}",
            )
    return tuple(
        sorted(
            (row for row in rows if not only or row.name in only),
            key=lambda row: teraflops(row) * (2 if row.pose_alignment else 1),
        )
    )


def reproduce(
    dataset: str,
    root: Path | str,
    *,
    folder: Path | str,
    features: Path | str | None = None,
    only: Sequence[str] = (),
    sample: int | None = None,
    seed: int = 0,
    device: str | None = None,
    threads: int | None = None,
    client: "Client | None" = None,
    verify: bool = False,
    options: Callable[[Recipe], Mapping[str, Any]] = lambda recipe: {},
    dry_run: bool = False,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """The rows of the papers on a data set, each beside its published numbers.

    One row after the other, the cheapest first. What a former call with the same folders has done
    is not done again. A row that can't be run, since weights or memory are missing, says so, and
    the others are run.

    Args:
        dataset, root: Name and folder of the data set, as for `open_dataset`.
        folder, features, threads, client, verify, progress, say: As in `predict`.
        only: The recipes to run; all rows on the data set without them.
        sample, seed: As in `Settings`.
        device: Of the descriptors and matchers; what they choose without it.
        options: Options of the descriptor in the place of those of the recipe, as for local
            weights.
        dry_run: Whether to tell what the rows need instead, and run nothing.

    Returns:
        dict: In values that JSON holds. Under `rows` each row has `recipe`, `source`, and either
            `error` and `hint`, or its `report` (what `build_report` gives, without the pairs) and
            `numbers`: `label`, `subset`, `average`, `value` with its 95% interval from `low` to
            `high`, and where there is a publication `published`, `difference` and whether it lies
            `within` the interval. Shares are 0 to 1. Each number is by the protocol of its
            publication; what that doesn't state is the recipe's. A dry run gives the `models`
            (`name`, `size` in bytes, whether it is `here`), how many `images` and `pairs` there
            are, and estimates by `costs.COSTS`: `network_seconds` at `SPEED`, `processor_seconds`
            and `feature_bytes`.

    Raises:
        OptionError: There is no such row.
        DatasetError, ImageError, OutputError: As `predict` does.
    """
    rows: list[dict[str, Any]] = []
    place = {} if device is None else {"device": device}
    for recipe in find_rows(dataset, only):
        row: dict[str, Any] = {"recipe": recipe.name, "source": recipe.source}
        rows.append(row)
        own = open_dataset(dataset, root, **recipe.dataset_options.get(dataset, {}))
        settings = replace(recipe.settings(own.truth), sample=sample, seed=seed)
        if dry_run:
            row |= estimate_costs(recipe, read_listing(own, settings, progress))
            continue
        say(f"row {recipe.name}: {recipe.source}")
        if recipe.captioner_option is not None:
            say(recipe.captioner_line(options(recipe)))
        try:
            predictions = predict(
                own,
                recipe.describe({**place, **options(recipe)}),
                create(recipe.matcher, **recipe.matcher_options, **place),
                folder=folder,
                features=features,
                settings=settings,
                threads=threads,
                client=client,
                verify=verify,
                progress=progress,
                say=say,
            )
        except (WeightsNotFoundError, OutOfMemoryError) as error:
            row |= {"error": error.message, "hint": error.hint}
            continue
        report = build_report(predictions, own, recipe=recipe, progress=progress)
        del report["pairs"]
        row["numbers"] = list(_beside_published(predictions, own, recipe, progress))
        row["report"] = report
    return {"descr_reproduction": 1, "dataset": dataset, "dry_run": dry_run, "rows": rows}


def reproduction_table(document: Mapping[str, Any]) -> Table:
    """What `reproduce` gave as a table of words and numbers."""
    columns = ("row", "measure", "ours", "95% interval", "published", "difference", "within")
    if document["dry_run"]:
        columns = ("row", "models", "images", "pairs", "networks", "processor", "features")
    title = f"The rows of the papers on {document['dataset']}"
    reports = [row["report"] for row in document["rows"] if "report" in row]
    if reports:
        count, whole = reports[0]["counts"]["pairs"], reports[0]["dataset"]["pairs"]
        title += f", {count:,} of {whole:,} pairs"
    cells = ((row["recipe"], *line) for row in document["rows"] for line in _lines(row))
    return Table(title, columns, tuple(cells), words=2)


def reproduction_markdown(document: Mapping[str, Any]) -> str:
    """The table of the rows, and what was run for each."""
    table = reproduction_table(document)
    parts = [f"# {markdown(table.title)}", replace(table, title="").markdown()]
    parts += [
        Table.of_facts(report_facts(row["report"]), row["recipe"]).markdown()
        for row in document["rows"]
        if "report" in row
    ]
    return "\n\n".join(parts) + "\n"


def _beside_published(
    predictions: xr.Dataset, dataset: Dataset, recipe: Recipe, progress: Progress
) -> Iterator[dict[str, Any]]:
    own = recipe.protocol(dataset.name)
    rows = [(row.protocol, row.percent, row.source) for row in recipe.published(dataset.name)]
    measured: dict[Protocol, Any] = {}
    for stated, percent, source in rows or [(own, (), "")]:
        protocol = replace(
            stated,
            subset="",
            average=stated.average or own.average,
            comparison=stated.comparison or own.comparison,
        )
        if protocol not in measured:
            measured[protocol] = measure(predictions, dataset, protocol, progress)
        units, measures = measured[protocol]
        part = units.category == (stated.subset or units.category)
        for place, one in enumerate(measures[: len(percent) or None] if part.any() else ()):
            number = one.within(part).record(units.category[part])
            theirs = percent[place] / 100 if percent else None
            both = theirs is not None and number["low"] is not None
            yield number | {
                "subset": stated.subset,
                "protocol": protocol.line(),
                "source": source,
                "published": theirs,
                "difference": number["value"] - theirs if both else None,
                "within": number["low"] <= theirs <= number["high"] if both else None,
            }


def _lines(row: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The cells of a row of the document beside its name, in as many lines as it has numbers."""
    if "error" in row:
        why = "; ".join(part for part in (row["error"], row["hint"]) if part)
        yield (f"not run: {why}", *["-"] * 5)
    elif "models" in row:
        yield (
            ", ".join(map(_model, row["models"])),
            *(f"{row[what]:,}" for what in ("images", "pairs")),
            *(f"{row[f'{what}_seconds'] / 3600:.2f} h" for what in ("network", "processor")),
            f"{row['feature_bytes'] / 1e9:.1f} GB",
        )
    for one in row.get("numbers", ()):
        unit, within = one["unit"], one["within"]
        average = one["average"] if one["label"].startswith("PCK") else ""
        yield (
            " ".join(part for part in (one["subset"], one["label"], average) if part),
            shown(one["value"], unit),
            interval(one["low"], one["high"], unit),
            shown(one["published"], unit),
            "-" if within is None else f"{100 * one['difference']:+.1f}",
            "-" if within is None else "yes" if within else "no",
        )


def _model(model: Mapping[str, Any]) -> str:
    """The name of a model, and how large a download it is; nothing for what is converted."""
    if model["here"]:
        return str(model["name"])
    size = f", {model['size'] / 1e9:.1f} GB" if model["size"] > 1e8 else ""
    return f"{model['name']} (missing{size})"
