"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from .names import complete_descriptor, complete_matcher

_HOW = "How"
_MASKS = "Masks"

Descriptor: TypeAlias = Annotated[
    str,
    typer.Option(
        "--descriptor",
        metavar="NAME",
        help="The descriptor: auto, a name of `descr descriptors`, or package.module:Class, "
        "also of a file in this folder.",
        autocompletion=complete_descriptor,
        rich_help_panel=_HOW,
    ),
]

Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="An option of the descriptor, as in step=4 or scales=1,2. Can be repeated.",
        rich_help_panel=_HOW,
    ),
]

Matcher: TypeAlias = Annotated[
    str,
    typer.Option(
        "--matcher",
        metavar="NAME",
        help="The matcher: a name of `descr matchers`, or package.module:Class.",
        autocompletion=complete_matcher,
        rich_help_panel=_HOW,
    ),
]

MatcherSettings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--matcher-set",
        metavar="KEY=VALUE",
        help="An option of the matcher, as in tolerance=1. Can be repeated.",
        rich_help_panel=_HOW,
    ),
]

Device: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="Where to work: auto, cpu, cuda or mps.",
        rich_help_panel=_HOW,
    ),
]

ImageFolders: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--images",
        metavar="FOLDER",
        help="Look for the photographs of feature files below this folder too, not only where "
        "they were and beside the files. Can be repeated.",
        rich_help_panel=_HOW,
    ),
]

Json: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document and nothing else.", rich_help_panel="Results"
    ),
]

MaskA: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--mask-a",
        metavar="IMAGE",
        help="The object in A is where this image, of the size of A, is bright; in a palette "
        "image every index but 0 counts.",
        rich_help_panel=_MASKS,
    ),
]

MaskB: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--mask-b",
        metavar="IMAGE",
        help="The object in B is where this image, of the size of B, is bright; likewise.",
        rich_help_panel=_MASKS,
    ),
]

Segment: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--segment",
        metavar="TEXT",
        help='The object is what this text names, as in --segment "cat"; given once for each '
        "image, each has its own. Needs the weights that `descr models pull clipseg` gets.",
        rich_help_panel=_MASKS,
    ),
]

AutoMask: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--auto-mask",
        help="The object is what the images have in common away from their borders.",
        rich_help_panel=_MASKS,
    ),
]

MaskSettings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--mask-set",
        metavar="KEY=VALUE",
        help="An option of --segment, as in threshold=0.3, or of --auto-mask, as in clusters=8. "
        "Can be repeated.",
        rich_help_panel=_MASKS,
    ),
]
