"""Options that several commands share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from .groups import Panel
from .names import check_descriptor, check_matcher, complete_descriptor, complete_matcher

OWN = "module:Class, whose code is run: an installed module, or a file of this folder"
AGAIN = "Can be repeated."
_MATCHER = f"The matcher: a name of `descr matchers`, or {OWN}."

how_field = Panel("How")
result_field = Panel("Results")
how_option = functools.partial(typer.Option, rich_help_panel="How")
mask_option = functools.partial(typer.Option, rich_help_panel="Masks")
result_option = functools.partial(typer.Option, rich_help_panel="Results")


def matcher_field(help: str = _MATCHER) -> Any:
    """The option --matcher."""
    return how_field(
        "NAME", help, "--matcher", callback=check_matcher, autocompletion=complete_matcher
    )


def listed_name(complete: Callable[[str], list[str]]) -> Any:
    """The name of one entry of a list, of which more is told."""
    return typer.Argument(
        metavar="[NAME]",
        help="One of them: what each of its options is for, what it takes, and its default.",
        autocompletion=complete,
    )


def output_field(help: str) -> Any:
    """The option -o, which can be repeated."""
    return result_field("FILE", f"{help} {AGAIN}", "--output", "-o")


Source: TypeAlias = Annotated[
    Path, typer.Argument(metavar="A", help="The source: an image or a feature file.")
]
Target: TypeAlias = Annotated[
    Path, typer.Argument(metavar="B", help="The target: an image or a feature file.")
]
Descriptor: TypeAlias = Annotated[
    str,
    how_option(
        "--descriptor",
        metavar="NAME",
        help=f"The descriptor: auto, a name of `descr descriptors`, or {OWN}.",
        callback=check_descriptor,
        autocompletion=complete_descriptor,
    ),
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    how_option(
        "--set",
        metavar="KEY=VALUE",
        help=f"An option of the descriptor, as in step=4 or scales=1,2. {AGAIN}",
    ),
]
MatcherSettings: TypeAlias = Annotated[
    list[str] | None,
    how_option(
        "--matcher-set",
        metavar="KEY=VALUE",
        help=f"An option of the matcher, as in tolerance=1. {AGAIN}",
    ),
]
Device: TypeAlias = Annotated[
    str | None,
    how_option("--device", metavar="DEVICE", help="Where to work: auto, cpu, cuda or mps."),
]
Basis: TypeAlias = Annotated[
    Path | None,
    how_option(
        "--basis",
        metavar="FILE",
        help="A basis of `descr basis fit`, in place of a joint PCA of these images alone.",
    ),
]
Json: TypeAlias = Annotated[
    bool, result_option("--json", help="Print one JSON document and nothing else.")
]
Segment: TypeAlias = Annotated[
    list[str] | None,
    mask_option(
        "--segment",
        metavar="TEXT",
        help='The object is what this text names, as in --segment "cat"; given once for each '
        "image, each has its own. Needs the weights that `descr models pull clipseg` gets.",
    ),
]
AutoMask: TypeAlias = Annotated[
    bool,
    mask_option(
        "--auto-mask",
        help="The object is what the images have in common away from their borders.",
    ),
]
MaskSettings: TypeAlias = Annotated[
    list[str] | None,
    mask_option(
        "--mask-set",
        metavar="KEY=VALUE",
        help="An option of --segment, as in threshold=0.3, or of --auto-mask, as in clusters=8. "
        f"{AGAIN}",
    ),
]
