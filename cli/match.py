"""`descr match`: which place of one image is which place of the other."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import writers
from .errors import UserError, say
from .inputs import Input, check_exist, extract_missing, read_input
from .loading import load_library
from .names import AUTO
from .options import Descriptor, Device, Json, Matcher, MatcherSettings, Settings
from .outputs import check_not_inputs, check_suffixes, check_writable, write_all
from .points import Point, check_inside, parse_points
from .settings import split_settings

if TYPE_CHECKING:
    import xarray as xr

    from ..matchers import Matcher as AnyMatcher
    from .results import Result

EXAMPLES = """\
descr match a.jpg b.jpg -o matches.png -o matches.csv
descr match a.jpg b.jpg --points 210,135 --points 80,60
descr match a.jpg b.jpg --max-matches 200 --min-score 0.9 --json
descr match a.jpg.nc b.jpg.nc --matcher soft-argmax --matcher-set window=5"""

_PLACES = "Which places"
_KEEP = "Which matches"


@dataclass(frozen=True, kw_only=True)
class _Request:
    """The options of a match, checked as far as they can be without loading anything."""

    a: Path
    b: Path
    points: list[Point]
    mask_a: Path | None
    mask_b: Path | None
    descriptor: str
    settings: dict[str, str]
    matcher: str
    matcher_settings: dict[str, str]
    device: str | None
    min_score: float | None
    max_matches: int | None
    outputs: list[Path]


def match(
    a: Annotated[Path, typer.Argument(metavar="A", help="The source: an image or a feature file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The target: an image or a feature file.")],
    points: Annotated[
        list[str] | None,
        typer.Option(
            "--points",
            metavar="X,Y|FILE.csv",
            help="Match this point of A instead of every cell, or the points of a CSV file with "
            "the columns x,y and, if you like, name. Can be repeated.",
            rich_help_panel=_PLACES,
        ),
    ] = None,
    mask_a: Annotated[
        Path | None,
        typer.Option(
            metavar="IMAGE",
            help="Match only from where this image, of the size of A, is bright; in a palette "
            "image every index but 0 counts.",
            rich_help_panel=_PLACES,
        ),
    ] = None,
    mask_b: Annotated[
        Path | None,
        typer.Option(
            metavar="IMAGE",
            help="Match only to where this image, of the size of B, is bright; likewise.",
            rich_help_panel=_PLACES,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE",
            help="Drop matches whose score, a cosine from -1 to 1, is lower.",
            rich_help_panel=_KEEP,
        ),
    ] = None,
    max_matches: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Keep the N best matches that lie spread over the image.",
            rich_help_panel=_KEEP,
        ),
    ] = None,
    descriptor: Descriptor = AUTO,
    settings: Settings = None,
    matcher: Matcher = "mutual",
    matcher_settings: MatcherSettings = None,
    device: Device = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the matches as .csv, .json or .nc, or a drawing as .png. Can be repeated.",
            rich_help_panel="Results",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find which place of image A is which place of image B.

    Prints the best matches and a summary. Coordinates are pixels of the upright image, x to the
    right and y down, with 0,0 at the centre of the top-left pixel.
    """
    request = _Request(
        a=a,
        b=b,
        points=parse_points(points or ()),
        mask_a=mask_a,
        mask_b=mask_b,
        descriptor=descriptor,
        settings=split_settings(settings or (), "--set"),
        matcher=matcher,
        matcher_settings=split_settings(matcher_settings or (), "--matcher-set"),
        device=device,
        min_score=min_score,
        max_matches=max_matches,
        outputs=output or [],
    )
    _check(request, points or ())
    result = _run(request)
    drawn = None if request.points or max_matches is not None else writers.DRAWN
    write_all({path: writers.writer(result, path, drawn=drawn) for path in request.outputs})
    _print(result, as_json, request.outputs)


def _check(request: _Request, points: Sequence[str]) -> None:
    """Refuse what is wrong with the options, before the library is loaded."""
    if request.min_score is not None and not -1 <= request.min_score <= 1:
        raise UserError(f"--min-score must be a cosine from -1 to 1, not {request.min_score:g}")
    if request.max_matches is not None and request.max_matches < 1:
        raise UserError(f"--max-matches must be at least 1, not {request.max_matches}")
    if request.max_matches is not None and request.points:
        raise UserError(
            "--max-matches and --points exclude each other: every point is shown",
            hint="leave out one of them",
        )
    check_suffixes(request.outputs, writers.SUFFIXES)
    masks = [mask for mask in (request.mask_a, request.mask_b) if mask is not None]
    check_exist([request.a, request.b, *masks])
    files = [Path(value) for value in points if os.path.isfile(value)]
    check_not_inputs(request.outputs, [request.a, request.b, *masks, *files])


def _run(request: _Request) -> "Result":
    """Load the library and do the work."""
    load_library()
    from ..descriptors import combine
    from .choice import check_device_is_taken, make_descriptor, make_matcher
    from .progress import spinner
    from .results import Result, keep

    check_writable(request.outputs)
    matcher = make_matcher(request.matcher, request.matcher_settings, request.device)
    began = time.perf_counter()
    inputs = [read_input(request.a), read_input(request.b)]
    descriptor = None
    if any(one.image is not None for one in inputs):
        descriptor = make_descriptor(request.descriptor, request.settings, request.device)
    elif request.descriptor != AUTO or request.settings:
        raise UserError(
            "--descriptor and --set have nothing to do: both inputs are feature files",
            hint="leave them out, or give the images",
        )
    check_device_is_taken(request.device, matcher, *([descriptor] if descriptor else []))
    masks = _check_inputs(request, inputs)
    with spinner(f"matching {inputs[0].name} with {inputs[1].name}"):
        trees = extract_missing(inputs, descriptor)
        source, target = _combine(combine, trees, inputs)
        with matcher.at_work():
            found = matcher.made(
                source,
                target,
                points=[(point.x, point.y) for point in request.points] or None,
                source_mask=masks[0],
                target_mask=masks[1],
            )
    if request.points:
        _say_unmatched(matcher.made, found)
    return Result(
        a=inputs[0],
        b=inputs[1],
        descriptor=str(trees[0].attrs["descriptor"]),
        found=keep(found, min_score=request.min_score, max_matches=request.max_matches),
        points=request.points,
        seconds=time.perf_counter() - began,
    )


def _say_unmatched(matcher: "AnyMatcher", found: "xr.Dataset") -> None:
    """Say how many points the mutual matcher has no answer for, and which matchers would."""
    from ..matchers import MutualNearestNeighbor

    # Points outside the source's mask have no score: no matcher answers them.
    count = int((~found["matched"] & found["score"].notnull()).sum())
    if count and isinstance(matcher, MutualNearestNeighbor):
        points = "1 point has" if count == 1 else f"{count} points have"
        say(f"{points} no match back; --matcher nearest or soft-argmax always answers")


def _check_inputs(request: _Request, inputs: Sequence[Input]) -> list[Any]:
    """The masks, read; refuses what doesn't fit the inputs."""
    from ..descriptors import read_mask

    drawings = [path for path in request.outputs if path.suffix.lower() == ".png"]
    for one in inputs:
        if drawings and one.image is None:
            raise UserError(
                f"-o {drawings[0]}: drawing needs the photographs, and {one.path} is a feature "
                "file",
                hint="give the image itself, or write .csv, .json or .nc",
            )
    source = inputs[0]
    check_inside(request.points, width=source.width, height=source.height, image=source.name)
    return [
        None if mask is None else read_mask(mask, height=one.height, width=one.width)
        for mask, one in zip((request.mask_a, request.mask_b), inputs, strict=True)
    ]


def _combine(
    combine: Any, trees: "Sequence[xr.DataTree]", inputs: Sequence[Input]
) -> "Sequence[xr.DataArray]":
    """The maps; if a file and a photograph don't go together, the hint says how they would."""
    from ..descriptors.errors import IncomparableFeaturesError

    try:
        maps: Sequence[xr.DataArray] = combine(trees)
    except IncomparableFeaturesError as error:
        kept = [tree for tree, one in zip(trees, inputs, strict=True) if one.tree is not None]
        if len(kept) != 1:
            raise
        raise IncomparableFeaturesError(
            error.message,
            hint=f"the feature file was made with {kept[0].attrs['descriptor']}: ask for the same "
            "with --descriptor and --set",
        ) from error
    return maps


def _print(result: "Result", as_json: bool, outputs: Sequence[Path]) -> None:
    from .report import print_matches
    from .tables import print_json

    if as_json:
        print_json(result.document())
    else:
        print_matches(result, outputs)
