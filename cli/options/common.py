"""Options that several commands share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from .names import complete_descriptor, complete_matcher

OWN = "module:Class, whose code is run: an installed module, or a file of this folder"
MATCHER = f"The matcher: a name of `descr matchers`, or {OWN}."


def panel(title: str) -> Callable[..., Any]:
    """`typer.Option` for the options that --help lists under this title."""
    return functools.partial(typer.Option, rich_help_panel=title)


place_option = panel("Which places")
how_option = panel("How")
data_option = panel("What is evaluated")
work_option = panel("The work")
mask_option = panel("Masks")
result_option = panel("Results")


def matcher_option(help: str = MATCHER) -> Any:
    """The option --matcher."""
    return how_option("--matcher", metavar="NAME", help=help, autocompletion=complete_matcher)


def output_option(help: str) -> Any:
    """The option -o, which can be repeated."""
    return result_option("--output", "-o", metavar="FILE", help=f"{help} Can be repeated.")


def _settings(name: str, help: str, option: Callable[..., Any] = how_option) -> Any:
    return option(name, metavar="KEY=VALUE", help=f"{help} Can be repeated.")


Source: TypeAlias = Annotated[
    Path, typer.Argument(metavar="A", help="The source: an image or a feature file.")
]
Target: TypeAlias = Annotated[
    Path, typer.Argument(metavar="B", help="The target: an image or a feature file.")
]
DatasetRoot = typer.Argument(metavar="ROOT", help="The folder that it was unpacked to.")

Descriptor: TypeAlias = Annotated[
    str,
    how_option(
        "--descriptor",
        metavar="NAME",
        help=f"The descriptor: auto, a name of `descr descriptors`, or {OWN}.",
        autocompletion=complete_descriptor,
    ),
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    _settings("--set", "An option of the descriptor, as in step=4 or scales=1,2."),
]
Matcher: TypeAlias = Annotated[str, matcher_option()]
MatcherSettings: TypeAlias = Annotated[
    list[str] | None, _settings("--matcher-set", "An option of the matcher, as in tolerance=1.")
]
Device: TypeAlias = Annotated[
    str | None,
    how_option("--device", metavar="DEVICE", help="Where to work: auto, cpu, cuda or mps."),
]
Json: TypeAlias = Annotated[
    bool, result_option("--json", help="Print one JSON document and nothing else.")
]

DatasetSettings: TypeAlias = Annotated[
    list[str] | None,
    _settings("--dataset-set", "Another option of the data set, as in layout=small.", data_option),
]
Sample: TypeAlias = Annotated[
    int | None, data_option(metavar="N", min=1, help="Only N pairs, of each category its share.")
]
Seed: TypeAlias = Annotated[int, data_option(metavar="S", min=0, help="Another draw of the N.")]
Folder: TypeAlias = Annotated[
    Path,
    work_option(
        metavar="FOLDER",
        help="Where the run is written down, so that it can be gone on with, and its predictions.",
    ),
]
Features: TypeAlias = Annotated[
    Path | None,
    work_option(
        metavar="FOLDER",
        help="Where features are kept for other runs; FOLDER/features by default.",
    ),
]
Workers: TypeAlias = Annotated[
    int | None,
    work_option(
        metavar="N",
        min=1,
        help="How many threads read and match; one per processor, at most 8, by default.",
    ),
]
