"""The work of `descr evaluate`, once its options are known to be good."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .errors import UserError, say
from .loading import load_library
from .outputs import check_writable, write_all
from .settings import parse_settings

if TYPE_CHECKING:
    from ..applications.evaluation import Dataset, Recipe
    from ..descriptors import Descriptor
    from ..matchers import Matcher
    from .choice import Made

FOLDER = "descr-evaluation"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The options of an evaluation; settings are raw texts."""

    dataset: str
    root: Path
    recipe: str | None
    split: str | None
    category: tuple[str, ...]
    dataset_settings: Mapping[str, str]
    sample: int | None
    seed: int
    descriptor: str
    settings: Mapping[str, str]
    matcher: str
    matcher_settings: Mapping[str, str]
    points: str | None = None
    interpolation: str | None
    align_pose: bool
    accept_mirrored_parts: bool
    device: str | None
    folder: Path
    features: Path | None
    workers: int | None
    outputs: Sequence[Path]
    as_json: bool


def run(request: Request) -> None:
    """Load the library, evaluate, print and write."""
    load_library()
    from ..applications.evaluation import (
        Settings,
        build_report,
        find_recipe,
        predict,
        report_markdown,
    )

    check_writable(request.outputs)
    recipe = None if request.recipe is None else find_recipe(request.recipe)
    dataset = _open(request, recipe)
    settings = Settings() if recipe is None else recipe.settings(dataset.truth)
    settings = replace(
        settings,
        points=request.points or settings.points,  # type: ignore[arg-type]
        interpolation=request.interpolation or "nearest",  # type: ignore[arg-type]
        sample=request.sample,
        seed=request.seed,
        align_pose=request.align_pose or settings.align_pose,
        accept_mirrored_parts=request.accept_mirrored_parts,
    )
    describe, matcher = _make(request, recipe)
    with kept_in(request.folder):
        predictions = predict(
            dataset,
            describe,
            matcher,
            folder=request.folder,
            features=request.features,
            settings=settings,
            workers=request.workers,
            progress=show_progress,
            say=say,
        )
    report = build_report(predictions, dataset, recipe=recipe, progress=show_progress)
    own = {"points": request.points, "interpolation": request.interpolation}
    changes = {**request.settings, **{name: value for name, value in own.items() if value}}
    if recipe is not None and changes:
        changed = ", ".join(f"{key}={value}" for key, value in changes.items())
        report["note"] = "; ".join(part for part in (f"changed: {changed}", report["note"]) if part)
    write_reports(request.outputs, report, lambda: report_markdown(report), predictions)
    _print(report, request)


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Say that a run that is interrupted goes on from what lies in this folder."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        say(f"what was done is kept in {folder}: the same command goes on from there")
        raise


def compare(paths: tuple[Path, Path], outputs: Sequence[Path], as_json: bool) -> None:
    """Compare two reports, print and write the comparison."""
    load_library()
    from ..applications.evaluation import compare_reports, load_report
    from ..applications.evaluation.compare import comparison_tables
    from ..applications.evaluation.tables import markdown_table
    from .outputs import check_not_inputs
    from .tables import print_facts, print_json

    check_not_inputs(outputs, paths)
    check_writable(outputs)
    found = compare_reports(*map(load_report, paths))
    tables = comparison_tables(found)
    facts = [
        ("first", str(paths[0])),
        ("second", str(paths[1])),
        (found["what"], _in_common(found)),
        *((f"{one['what']} differ", _both(one)) for one in found["differ"]),
    ]

    def page() -> str:
        parts = [markdown_table(("", ""), facts, words=2)]
        for table in tables:
            parts += [f"## {table.title}", markdown_table(table.columns, table.rows, table.words)]
        return "\n\n".join(parts) + "\n"

    write_reports(outputs, found, page)
    if as_json:
        print_json(found)
        return
    print_tables(tables)
    print_facts([*facts, *(("written", str(path)) for path in outputs)])


def _open(request: Request, recipe: "Recipe | None") -> "Dataset":
    from ..applications.evaluation import DATASETS, open_dataset
    from .choice import Made, faults

    for name, flag, given in (
        ("root", "ROOT", True),
        ("split", "--split", request.split is not None),
        ("category", "--category", bool(request.category)),
    ):
        if given and name in request.dataset_settings:
            raise UserError(
                f"--dataset-set gives the {name}, which {flag} gives", hint="leave out one of them"
            )
    kind = DATASETS.find(request.dataset)
    own = {} if recipe is None else recipe.dataset_options.get(request.dataset, {})
    options: dict[str, Any] = {**own, **parse_settings(request.dataset_settings, kind)}
    if request.split is not None:
        options["split"] = request.split
    if request.category:
        options["category"] = request.category
    with faults(request.dataset, f"the data set {request.dataset!r} can't be listed"):
        dataset = open_dataset(request.dataset, request.root, **options)
        len(dataset)
    _watched(Made(dataset, request.dataset, "data set", takes_device=False), "_read")
    return dataset


def _make(
    request: Request, recipe: "Recipe | None"
) -> "tuple[Descriptor | Callable[[str], Descriptor], Matcher]":
    """The descriptor, or what makes one for each category; and the matcher."""
    from ..matchers import create
    from .choice import check_device_is_taken, make_descriptor, make_matcher

    if recipe is not None:
        say(f"descriptor: {recipe.descriptor} (recipe {recipe.name})")
        options = dict(recipe.matcher_options)
        if request.device is not None:
            options["device"] = request.device
        return _of_recipe(request, recipe), create(recipe.matcher, **options)
    describe = make_descriptor(request.descriptor, request.settings, request.device)
    matcher = make_matcher(request.matcher, request.matcher_settings, request.device)
    check_device_is_taken(request.device, describe, matcher)
    return _watched(describe, "extract"), _watched(matcher, "match")


def _of_recipe(request: Request, recipe: "Recipe") -> "Descriptor | Callable[[str], Descriptor]":
    from ..descriptors import REGISTRY
    from .choice import parts_of
    from .settings import takes_option

    kind = REGISTRY.find(recipe.descriptor)
    given = parse_settings(request.settings, kind, parts_of(kind))
    if request.device is not None and takes_option(kind, "device"):
        given.setdefault("device", request.device)
    if recipe.captioner_option is not None:
        say(recipe.captioner_line)
    return recipe.describe(given)


def _watched(made: "Made[Any]", method: str) -> Any:
    """What was made, with faults of a class of the user's own told as such."""
    asked = getattr(made.made, method)

    @functools.wraps(asked)
    def watched(*arguments: Any, **options: Any) -> Any:
        with made.at_work():
            return asked(*arguments, **options)

    setattr(made.made, method, watched)
    return made.made


@contextmanager
def show_progress(stage: str, steps: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error for a stage of a run."""
    from .progress import progress_bar

    with progress_bar(steps) as advance:
        yield lambda name: advance(f"{stage} {name}")


def write_reports(
    outputs: Sequence[Path],
    document: Mapping[str, Any],
    page: Callable[[], str],
    predictions: Any = None,
) -> None:
    """Write the document to the outputs ending in .json, the page to .md, predictions to .nc."""
    from ..applications.evaluation import save_predictions

    def write(target: Path, suffix: str) -> None:
        if suffix == ".nc":
            save_predictions(predictions, target)
        else:
            text = page() if suffix == ".md" else json.dumps(document, indent=1, allow_nan=False)
            target.write_text(text.rstrip("\n") + "\n", encoding="utf-8")

    write_all({path: functools.partial(write, suffix=path.suffix.lower()) for path in outputs})


def _print(report: Mapping[str, Any], request: Request) -> None:
    from ..applications.evaluation.tables import report_facts, report_tables
    from .tables import print_facts, print_json

    if request.as_json:
        print_json(report)
        return
    print_tables(report_tables(report))
    counts = report["counts"]
    features = f"{counts['extracted'] + counts['redone']:,} extracted, {counts['kept']:,} kept"
    print_facts(
        [
            *report_facts(report),
            ("features", features),
            ("seconds", f"{report['seconds']:.1f}"),
            *(("written", str(path)) for path in request.outputs),
        ]
    )


def print_tables(tables: Sequence[Any]) -> None:
    """Print tables, each below its title."""
    from .tables import print_table

    for table in tables:
        typer.echo(f"{table.title}\n")
        print_table(table.columns, table.rows, numbers=table.columns[table.words :])
        typer.echo()


def _in_common(found: Mapping[str, Any]) -> str:
    alone = [
        f"{found[f'only_{which}']:,} only in the {which}"
        for which in ("first", "second")
        if found[f"only_{which}"]
    ]
    return ", ".join([f"{found['common']:,} in common", *alone])


def _both(one: Mapping[str, Any]) -> str:
    """What both runs say under a name, where that is short."""
    texts = [
        value if isinstance(value, str) else json.dumps(value)
        for value in (one["first"], one["second"])
    ]
    return f"{texts[0]} and {texts[1]}" if sum(map(len, texts)) < 400 else "see the reports"
