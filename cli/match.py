"""`descr match`: which place of one image is which place of the other."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import writers
from .comparison import How, check_photographs, prepare
from .errors import UserError
from .inputs import Input, check_exist
from .loading import load_library
from .masks import MaskOptions, prepare_masks
from .names import AUTO
from .options import (
    AutoMask,
    Descriptor,
    Device,
    Json,
    MaskA,
    MaskB,
    MaskSettings,
    Matcher,
    MatcherSettings,
    Segment,
    Settings,
)
from .outputs import check_not_inputs, check_suffixes, check_writable, write_all
from .points import Point, check_inside, parse_points
from .report import say_unmatched

if TYPE_CHECKING:
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
    masks: MaskOptions
    how: How
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
            metavar="X,Y|FILE",
            help="Match this point of A instead of every cell, or the points of a CSV file with "
            "the columns x,y and, if you like, name, or of a JSON file. Can be repeated.",
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
    mask_a: MaskA = None,
    mask_b: MaskB = None,
    segment: Segment = None,
    auto_mask: AutoMask = False,
    mask_settings: MaskSettings = None,
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
        masks=MaskOptions.parse(
            files=(mask_a, mask_b), segment=segment, auto=auto_mask, settings=mask_settings
        ),
        how=How.parse(
            descriptor=descriptor,
            settings=settings,
            matcher=matcher,
            matcher_settings=matcher_settings,
            device=device,
        ),
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
    masks = request.masks.paths
    check_exist([request.a, request.b, *masks])
    files = [Path(value) for value in points if os.path.isfile(value)]
    check_not_inputs(request.outputs, [request.a, request.b, *masks, *files])


def _run(request: _Request) -> "Result":
    """Load the library and do the work."""
    load_library()
    from .progress import spinner
    from .results import Result, keep

    check_writable(request.outputs)
    began = time.perf_counter()
    comparison = prepare([request.a, request.b], request.how)
    inputs, matcher = comparison.inputs, comparison.matcher
    assert matcher is not None
    _check_inputs(request, inputs)
    masks = prepare_masks(request.masks, inputs, device=request.how.device)
    with spinner(f"matching {inputs[0].name} with {inputs[1].name}"):
        trees = comparison.trees()
        maps = source, target = comparison.maps(trees)
        source_mask, target_mask = masks.find(maps)
        with matcher.at_work():
            found = matcher.made(
                source,
                target,
                points=[(point.x, point.y) for point in request.points] or None,
                source_mask=source_mask,
                target_mask=target_mask,
            )
    if request.points:
        say_unmatched(matcher.made, found, masked=source_mask is not None)
    return Result(
        a=inputs[0],
        b=inputs[1],
        descriptor=str(trees[0].attrs["descriptor"]),
        found=keep(found, min_score=request.min_score, max_matches=request.max_matches),
        points=request.points,
        seconds=time.perf_counter() - began,
    )


def _check_inputs(request: _Request, inputs: Sequence[Input]) -> None:
    """Refuse what doesn't fit the inputs."""
    drawings = [path for path in request.outputs if path.suffix.lower() == ".png"]
    check_photographs(inputs, drawings, "drawing", instead=".csv, .json or .nc")
    source = inputs[0]
    check_inside(request.points, width=source.width, height=source.height, image=source.name)


def _print(result: "Result", as_json: bool, outputs: Sequence[Path]) -> None:
    from .report import print_matches
    from .tables import print_json

    if as_json:
        print_json(result.document())
    else:
        print_matches(result, outputs)
