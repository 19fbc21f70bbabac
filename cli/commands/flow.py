"""`descr flow`: for every pixel of one image, where it is in the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console.errors import UserError
from ..console.pictures import PICTURES, TRANSPARENT
from ..options import common as options
from ..options.groups import FlowHow, Masks, grouped
from ..options.inputs import Input, check_exist, check_photographs
from ..options.outputs import check_different, check_not_inputs, check_suffixes, write_all
from .flow_results import FlowRequest, FlowResult
from .pairs import compare

if TYPE_CHECKING:
    import xarray as xr

EXAMPLES = """\
descr flow a.jpg b.jpg -o flow.flo --draw flow.png
descr flow a.jpg b.jpg --smooth 4 --warp b-in-a.png --set step=4
descr flow a.jpg b.jpg --cells 128 --max-consistency 20 -o flow.nc
descr flow a.jpg.nc b.jpg.nc --auto-mask -o flow.nc --json"""

SUFFIXES = {".flo": "Middlebury", ".png": "KITTI, 16 bits", ".nc": "Dataset"}
_flow_option = options.panel("Which flow")
_PER_WARPED = 20
"""Bytes that a pixel of the image takes that is warped: three channels of coefficients, and one in
the making."""
_MOST_CELLS = 20_000
"""Along a side; what is more is a slip, and would ask for more memory than there is."""


@grouped
def flow(
    a: Annotated[Path, typer.Argument(metavar="A", help="The source: an image or a feature file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The target: an image or a feature file.")],
    *,
    cells: Annotated[
        str | None,
        _flow_option(
            metavar="N|ROWSxCOLUMNS",
            help="Bring the features to so many cells along the longer side before matching; by "
            "default as many as the descriptor gives.",
        ),
    ] = None,
    grid: Annotated[
        str,
        _flow_option(
            metavar="GRID",
            help="Where the flow is given: image (every pixel), cells (those that were matched), "
            "N cells along the longer side, or ROWSxCOLUMNS.",
        ),
    ] = "image",
    smooth: Annotated[
        int,
        _flow_option(
            metavar="RADIUS",
            help="Radius in cells of the weighted median that smooths and fills; 0 for none.",
        ),
    ] = 2,
    max_consistency: Annotated[
        float | None,
        _flow_option(metavar="PIXELS", help="Drop flow whose forward-backward error is larger."),
    ] = None,
    masks: Masks,
    how: FlowHow,
    output: Annotated[
        list[Path] | None,
        options.output_option(
            "Write the flow as .flo (Middlebury), .png (KITTI, 16 bits) or .nc. Can be repeated."
        ),
    ] = None,
    draw: Annotated[
        Path | None,
        options.result_option(
            metavar="FILE",
            help="Draw the flow in the colours of a wheel, which is shown beside it: .png, .jpg or "
            ".webp.",
        ),
    ] = None,
    warp: Annotated[
        Path | None,
        options.result_option(
            metavar="FILE",
            help="Write B as seen in the frame of A, transparent where there is no flow: .png or "
            ".webp.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Find where every pixel of image A is in image B.

    What lies at x,y in A lies at x + flow_x, y + flow_y in B, in pixels. The matcher soft-argmax
    takes window=1 here unless --matcher-set says otherwise.
    """
    request = FlowRequest(
        a=a,
        b=b,
        options={
            "cells": None if cells is None else _resolution("--cells", cells),
            "grid": grid if grid in ("image", "cells") else _resolution("--grid", grid),
            "smoothing": smooth,
            "max_consistency": max_consistency,
        },
        masks=masks,
        how=how,
        outputs=output or [],
        draw=draw,
        warp=warp,
    )
    _check(request)

    def find(source: Any, target: Any, **named: Any) -> "xr.Dataset":
        from ...applications import dense_flow

        return dense_flow(source, target, **request.options, **named)

    def check(inputs: Sequence[Input]) -> None:
        if warp is not None:
            check_photographs(inputs[1:], "--warp", request.written)

    def memory(inputs: Sequence[Input]) -> tuple[str, int]:
        from ...applications.flow.dense import flow_memory

        source, target = inputs
        named = {name: request.options[name] for name in ("cells", "grid")}
        size = flow_memory(source.height, source.width, **named)
        if warp is not None:
            size += _PER_WARPED * target.height * target.width
        return f"the flow from {source.title}", size

    result = compare(FlowResult, request, find, check=check, memory=memory)
    write_all(result.writers())
    result.show(as_json)


def _resolution(option: str, text: str) -> int | tuple[int, int]:
    """A number of cells, or rows and columns as in 96x128."""
    try:
        counts = [int(part) for part in text.lower().split("x")]
    except ValueError:
        counts = []
    if not 1 <= len(counts) <= 2 or not all(1 <= count <= _MOST_CELLS for count in counts):
        names = "image, cells, " if option == "--grid" else ""
        raise UserError(
            f"{option} must be {names}a number of cells or ROWSxCOLUMNS, each at most "
            f"{_MOST_CELLS}, not {text!r}",
            hint=f"as in {option} 128 or {option} 96x128",
        )
    return counts[0] if len(counts) == 1 else (counts[0], counts[1])


def _check(request: FlowRequest) -> None:
    """Refuse what is wrong with the options, before the library is loaded."""
    smooth, limit = request.options["smoothing"], request.options["max_consistency"]
    if not 0 <= smooth <= 50:
        raise UserError(f"--smooth must be a radius from 0 to 50 cells, not {smooth}")
    if limit is not None and not 0 <= limit < float("inf"):
        raise UserError(
            f"--max-consistency must be a number of pixels of at least 0, not {limit:g}"
        )
    check_suffixes(request.outputs, SUFFIXES)
    for option, path, forms in (
        ("--draw", request.draw, PICTURES),
        ("--warp", request.warp, TRANSPARENT),
    ):
        if path is not None:
            check_suffixes([path], forms, option=option)
    check_different(request.written)
    for path in request.outputs:
        if request.options["grid"] != "image" and path.suffix.lower() != ".nc":
            raise UserError(
                f"-o {path} holds a vector for each pixel, and --grid asks for others",
                hint="leave --grid out, or write .nc, which keeps coordinates",
            )
    check_exist(request.read)
    check_not_inputs(request.written, request.read)
