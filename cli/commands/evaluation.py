"""What `descr evaluate` and `descr reproduce` open, make, show, print and write."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from ..console.errors import UserError, say
from ..options.inputs import check_exist
from ..options.loading import load_library
from ..options.outputs import check_writable, write_all
from ..options.settings import parse_settings

if TYPE_CHECKING:
    from ...applications.evaluation import Dataset, Recipe
    from ...descriptors import Descriptor
    from ...matchers import Matcher
    from ..options.choice import Made

    Parts: TypeAlias = tuple[Descriptor | Callable[[str], Descriptor], Matcher]

FOLDER = "descr-evaluation"


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
    check_exist(paths)
    load_library()
    from ...applications.evaluation import compare_reports, load_report
    from ...applications.evaluation.report.compare import comparison_tables
    from ...applications.evaluation.report.tables import Table
    from ..console.tables import print_facts, print_json
    from ..options.outputs import check_not_inputs

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

    parts = [Table.of_facts(facts), *tables]
    write_reports(outputs, found, lambda: "\n\n".join(part.markdown() for part in parts))
    if as_json:
        print_json(found)
        return
    print_tables(tables)
    print_facts([*facts, *(("written", str(path)) for path in outputs)])


def open_data(
    name: str,
    root: Path,
    settings: Mapping[str, str],
    recipe: "Recipe | None",
    *,
    split: str | None,
    category: tuple[str, ...],
) -> "Dataset":
    """The data set, listed, with the options of the recipe and, before them, those given."""
    from ...applications.evaluation import DATASETS, open_dataset
    from ..options.choice import Made, faults

    given = {"split": split, "category": category}
    own = {option: value for option, value in given.items() if value not in (None, ())}
    for option in ("root", *own):
        if option in settings:
            flag = "ROOT" if option == "root" else f"--{option}"
            raise UserError(
                f"--dataset-set gives the {option}, which {flag} gives",
                hint="leave out one of them",
            )
    of_recipe = {} if recipe is None else recipe.dataset_options.get(name, {})
    options = {**of_recipe, **parse_settings(settings, DATASETS.find(name)), **own}
    with faults(name, f"the data set {name!r} can't be listed"):
        dataset = open_dataset(name, root, **options)
        len(dataset)
    _watched(Made(dataset, name, "data set", takes_device=False), "_read")
    return dataset


def make_parts(
    descriptor: str,
    settings: Mapping[str, str],
    matcher: str,
    matcher_settings: Mapping[str, str],
    device: str | None,
) -> "Parts":
    """The descriptor and the matcher of these names."""
    from ..options.choice import check_device_is_taken, make_descriptor, make_matcher

    describe = make_descriptor(descriptor, settings, device)
    match = make_matcher(matcher, matcher_settings, device)
    check_device_is_taken(device, describe, match)
    return _watched(describe, "extract"), _watched(match, "match")


def make_row(recipe: "Recipe", settings: Mapping[str, str], device: str | None) -> "Parts":
    """The descriptor of a recipe, or what makes one for each category; and its matcher."""
    from ...descriptors import REGISTRY
    from ...matchers import create
    from ..options.choice import parts_of
    from ..options.settings import takes_option

    say(f"descriptor: {recipe.descriptor} (recipe {recipe.name})")
    place = {} if device is None else {"device": device}
    kind = REGISTRY.find(recipe.descriptor)
    options = parse_settings(settings, kind, parts_of(kind))
    if takes_option(kind, "device"):
        options = {**place, **options}
    if recipe.captioner_option is not None:
        say(recipe.captioner_line(options))
    return recipe.describe(options), create(recipe.matcher, **recipe.matcher_options, **place)


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
    from ..console.progress import progress_bar

    with progress_bar(steps) as advance:
        yield lambda name: advance(f"{stage} {name}")


def write_reports(
    outputs: Sequence[Path],
    document: Mapping[str, Any],
    page: Callable[[], str],
    predictions: Any = None,
) -> None:
    """Write the document to the outputs ending in .json, the page to .md, predictions to .nc."""
    from ...applications.evaluation import save_predictions

    def write(target: Path, suffix: str) -> None:
        if suffix == ".nc":
            save_predictions(predictions, target)
        else:
            text = page() if suffix == ".md" else json.dumps(document, indent=1, allow_nan=False)
            target.write_text(text.rstrip("\n") + "\n", encoding="utf-8")

    write_all({path: functools.partial(write, suffix=path.suffix.lower()) for path in outputs})


def print_report(report: Mapping[str, Any], outputs: Sequence[Path], as_json: bool) -> None:
    """Print a report as JSON, or its tables and what was run."""
    from ...applications.evaluation.report.tables import report_facts, report_tables
    from ..console.tables import print_facts, print_json

    if as_json:
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
            *(("written", str(path)) for path in outputs),
        ]
    )


def print_tables(tables: Sequence[Any]) -> None:
    """Print tables, each below its title."""
    from ..console.tables import print_table

    for table in tables:
        say(table.title, err=False)
        typer.echo()
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
