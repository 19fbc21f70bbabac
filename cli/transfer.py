"""`descr transfer`: named points of one image, found in another."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import transferred
from .comparison import How, check_photographs, prepare
from .errors import UserError
from .inputs import check_exist
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

if TYPE_CHECKING:
    from .transferred import Transferred

EXAMPLES = """\
descr transfer a.jpg b.jpg --points keypoints.csv -o found.csv -o found.png
descr transfer a.jpg b.jpg --points 210,135 --points 80,60
descr transfer a.jpg b.jpg --points keypoints.json --auto-mask --json"""


@dataclass(frozen=True, kw_only=True)
class _Request:
    """The options of a transfer, checked as far as they can be without loading anything."""

    a: Path
    b: Path
    points: list[Point]
    masks: MaskOptions
    how: How
    outputs: list[Path]


def transfer(
    a: Annotated[Path, typer.Argument(metavar="A", help="The source: an image or a feature file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The target: an image or a feature file.")],
    points: Annotated[
        list[str],
        typer.Option(
            "--points",
            metavar="X,Y|FILE",
            help="A point of A; or a CSV file with the columns x,y and, if you like, name; or a "
            "JSON file. Can be repeated.",
            rich_help_panel="Which places",
        ),
    ],
    mask_a: MaskA = None,
    mask_b: MaskB = None,
    segment: Segment = None,
    auto_mask: AutoMask = False,
    mask_settings: MaskSettings = None,
    descriptor: Descriptor = AUTO,
    settings: Settings = None,
    matcher: Matcher = "soft-argmax",
    matcher_settings: MatcherSettings = None,
    device: Device = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the points as .csv, .json or .nc, or a drawing as .png. Can be repeated.",
            rich_help_panel="Results",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find named points of image A in image B.

    Prints where each point lies, its score, and its round trip: how many pixels of A off the way
    back ends, small for most points that were found. Coordinates are pixels of the upright image,
    x to the right and y down, with 0,0 at the centre of the top-left pixel.
    """
    request = _Request(
        a=a,
        b=b,
        points=parse_points(points),
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
        outputs=output or [],
    )
    _check(request, points)
    result = _run(request)
    write_all({path: transferred.writer(result, path) for path in request.outputs})
    if as_json:
        from .tables import print_json

        print_json(result.document())
    else:
        transferred.print_transferred(result, request.outputs)


def _check(request: _Request, points: Sequence[str]) -> None:
    """Refuse what is wrong with the options, before the library is loaded."""
    if not request.points:
        raise UserError("--points gives no point", hint="give x,y as in 120,64.5, or a file")
    check_suffixes(request.outputs, transferred.SUFFIXES)
    inputs = [request.a, request.b, *request.masks.paths]
    check_exist(inputs)
    files = [Path(value) for value in points if os.path.isfile(value)]
    check_not_inputs(request.outputs, [*inputs, *files])


def _run(request: _Request) -> "Transferred":
    """Load the library and do the work."""
    load_library()
    from ..applications import transfer_keypoints
    from .progress import spinner
    from .report import say_unmatched

    check_writable(request.outputs)
    began = time.perf_counter()
    comparison = prepare([request.a, request.b], request.how)
    inputs, matcher = comparison.inputs, comparison.matcher
    assert matcher is not None
    drawings = [path for path in request.outputs if path.suffix.lower() == ".png"]
    check_photographs(inputs, drawings, "drawing", instead=".csv, .json or .nc")
    source = inputs[0]
    check_inside(request.points, width=source.width, height=source.height, image=source.name)
    masks = prepare_masks(request.masks, inputs, device=request.how.device)
    with spinner(f"looking for {len(request.points)} points in {inputs[1].name}"):
        trees = comparison.trees()
        maps = source_map, target_map = comparison.maps(trees)
        source_mask, target_mask = masks.find(maps)
        with matcher.at_work():
            found = transfer_keypoints(
                [(point.x, point.y) for point in request.points],
                source_map,
                target_map,
                matcher.made,
                names=[point.name for point in request.points],
                source_mask=source_mask,
                target_mask=target_mask,
            )
    say_unmatched(matcher.made, found, masked=source_mask is not None)
    return transferred.Transferred(
        a=inputs[0],
        b=inputs[1],
        descriptor=str(trees[0].attrs["descriptor"]),
        found=found,
        seconds=time.perf_counter() - began,
    )
