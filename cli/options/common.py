"""Options that several commands share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from .names import check_descriptor, check_matcher, complete_descriptor, complete_matcher

OWN = "module:Class, whose code is run: an installed module, or a file of this folder"
MATCHER = f"The matcher: a name of `descr matchers`, or {OWN}."


def panel(title: str) -> Callable[..., Any]:
    """`typer.Option` for the options that --help lists under this title."""
    return functools.partial(typer.Option, rich_help_panel=title)


how_option = panel("How")
data_option = panel("What is evaluated")
work_option = panel("The work")
mask_option = panel("Masks")
result_option = panel("Results")


def matcher_option(help: str = MATCHER) -> Any:
    """The option --matcher."""
    names = {"callback": check_matcher, "autocompletion": complete_matcher}
    return how_option("--matcher", metavar="NAME", help=help, **names)


def output_option(help: str) -> Any:
    """The option -o, which can be repeated."""
    return result_option("--output", "-o", metavar="FILE", help=help)


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
        help="An option of the descriptor, as in step=4 or scales=1,2. Can be repeated.",
    ),
]

Matcher: TypeAlias = Annotated[str, matcher_option()]

MatcherSettings: TypeAlias = Annotated[
    list[str] | None,
    how_option(
        "--matcher-set",
        metavar="KEY=VALUE",
        help="An option of the matcher, as in tolerance=1. Can be repeated.",
    ),
]

Device: TypeAlias = Annotated[
    str | None,
    how_option("--device", metavar="DEVICE", help="Where to work: auto, cpu, cuda or mps."),
]

Json: TypeAlias = Annotated[
    bool, result_option("--json", help="Print one JSON document and nothing else.")
]

Sample: TypeAlias = Annotated[
    int | None,
    data_option(metavar="N", min=1, help="Only N pairs, of each category its share."),
]

Seed: TypeAlias = Annotated[
    int,
    data_option(metavar="S", min=0, help="Another draw of the N."),
]

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
        "Can be repeated.",
    ),
]
