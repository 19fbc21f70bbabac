"""`descr show`: what features look like."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..console.errors import UserError
from ..console.pictures import PICTURES, write_picture
from ..options import common as options
from ..options.comparison import How, prepare
from ..options.groups import grouped, how_parser, parse_masks
from ..options.inputs import check_exist, check_photographs
from ..options.loading import load_library
from ..options.masks import MaskOptions, prepare_masks
from ..options.outputs import check_not_inputs, check_suffixes, check_writable, write_all

if TYPE_CHECKING:
    from .shown import Shown

EXAMPLES = """\
descr show a.jpg b.jpg -o pca.png
descr show a.jpg b.jpg c.jpg --as clusters --clusters 8 --auto-mask -o parts.png
descr show a.jpg b.jpg --as map --matcher mutual -o map.png
descr show a.jpg b.jpg --as layers --descriptor fused -o layers.png
descr show a.jpg b.jpg --as compare --descriptor fused -o compare.png"""

NO_MASK = "-"
_WIDTHS = 64, 20_000
_COMPONENTS = 4096
_view_option = options.panel("What")


class Kind(StrEnum):
    """What a picture shows."""

    PCA = "pca"
    CLUSTERS = "clusters"
    MAP = "map"
    LAYERS = "layers"
    COMPARE = "compare"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The options of a picture, checked as far as they can be without loading anything."""

    images: list[Path]
    kind: Kind
    clusters: int | None
    components: tuple[int, int, int] | None
    width: int
    masks: MaskOptions
    how: How
    outputs: list[Path]


def _parse_masks(
    mask: Annotated[
        list[str] | None,
        options.mask_option(
            "--mask",
            metavar="IMAGE",
            help="The object in the first image is where this image, of the same size, is bright. "
            f"Once per image, in their order; {NO_MASK} for an image without a mask.",
        ),
    ] = None,
    segment: options.Segment = None,
    auto_mask: options.AutoMask = False,
    mask_settings: options.MaskSettings = None,
) -> MaskOptions:
    if mask and (segment or auto_mask):
        other = "--auto-mask" if auto_mask else "--segment"
        raise UserError(
            f"--mask and {other} exclude each other: each says where the masks come from",
            hint="give one of them",
        )
    others = parse_masks(segment=segment, auto_mask=auto_mask, mask_settings=mask_settings)
    files = tuple(None if file == NO_MASK else Path(file) for file in mask or ())
    return replace(others, files=files)


_parse_how = how_parser(
    None,
    help=f"The matcher of map and compare: a name of `descr matchers`, or {options.OWN}. "
    "By default nearest for colours, mutual for lines.",
)


@grouped
def show(
    images: Annotated[
        list[Path], typer.Argument(metavar="A [B ...]", help="Images or feature files.")
    ],
    *,
    kind: Annotated[
        Kind,
        _view_option(
            "--as",
            help="What to show: pca, principal components of all images together as red, green "
            "and blue; clusters, of each image, with one colour for those that belong together; "
            "map, the first image coloured by position and the second by where it matches; "
            "layers, the components of each layer; compare, all of it for each part of a fused "
            "descriptor.",
        ),
    ] = Kind.PCA,
    clusters: Annotated[
        int | None,
        _view_option(metavar="N", help="How many clusters per image, 6 by default and 12 at most."),
    ] = None,
    components: Annotated[
        str | None,
        _view_option(
            metavar="R,G,B",
            help="Which principal components become red, green and blue: 1,2,3 by default.",
        ),
    ] = None,
    width: Annotated[
        int,
        _view_option(
            metavar="PIXELS",
            help="Width of the picture; it comes out narrower where it would be too tall.",
        ),
    ] = 1600,
    masks: Annotated[MaskOptions, _parse_masks],
    how: Annotated[How, _parse_how],
    output: Annotated[
        list[Path] | None,
        options.output_option("The picture: .png, .jpg or .webp. Can be repeated."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Make a picture of the features of one or more images.

    Prints what the picture shows and where it is.
    """
    request = Request(
        images=images,
        kind=kind,
        clusters=clusters,
        components=_numbers(components),
        width=width,
        masks=masks,
        how=how,
        outputs=output or [],
    )
    _check(request)
    shown = _run(request)
    write_all(
        {path: lambda target: write_picture(shown.picture, target) for path in request.outputs}
    )
    _print(shown, as_json, request.outputs)


def _numbers(components: str | None) -> tuple[int, int, int] | None:
    if components is None:
        return None
    try:
        red, green, blue = (int(text) for text in components.split(","))
    except ValueError:
        red = green = blue = 0
    if not all(1 <= one <= _COMPONENTS for one in (red, green, blue)):
        raise UserError(
            f"--components must be three numbers from 1 to {_COMPONENTS}, not {components!r}",
            hint="as in --components 1,2,3",
        )
    return red, green, blue


def _check(request: Request) -> None:
    """Refuse what is wrong with the options, before the library is loaded."""
    kind, count, masks = request.kind, len(request.images), len(request.masks.files)
    if masks not in (0, count):
        raise UserError(
            f"--mask is given {masks} time{'s' if masks > 1 else ''} for {count} images",
            hint=f"give it once per image, in their order; {NO_MASK} for one without a mask",
        )
    if kind in (Kind.MAP, Kind.COMPARE) and count != 2:
        raise UserError(
            f"--as {kind} needs two images, not {count}", hint="give the source and the target"
        )
    of_matches = Kind.MAP, Kind.COMPARE
    for option, given, kinds in (
        ("--clusters", request.clusters is not None, (Kind.CLUSTERS, Kind.COMPARE)),
        ("--components", request.components is not None, (Kind.PCA, Kind.LAYERS)),
        ("--matcher", request.how.matcher is not None, of_matches),
        ("--matcher-set", bool(request.how.matcher_settings), of_matches),
    ):
        if given and kind not in kinds:
            raise UserError(
                f"{option} has nothing to do with --as {kind}",
                hint=f"leave it out, or show {' or '.join(kinds)}",
            )
    if request.how.matcher_settings and request.how.matcher is None:
        raise UserError("--matcher-set needs --matcher", hint="as in --matcher mutual")
    if request.clusters is not None and not 2 <= request.clusters <= 12:
        raise UserError(f"--clusters must be from 2 to 12, not {request.clusters}")
    low, high = _WIDTHS
    if not low <= request.width <= high:
        raise UserError(f"--width must be from {low} to {high} pixels, not {request.width}")
    if not request.outputs:
        raise UserError("no file for the picture", hint="say where it goes: -o FILE.png")
    check_suffixes(request.outputs, PICTURES)
    inputs = [*request.images, *request.masks.paths]
    check_exist(inputs)
    check_not_inputs(request.outputs, inputs)


def _run(request: Request) -> "Shown":
    """Load the library and do the work."""
    load_library()
    from ..console.progress import spinner
    from .shown import Material, draw

    check_writable(request.outputs)
    began = time.perf_counter()
    comparison = prepare(request.images, request.how)
    if request.kind is Kind.COMPARE:
        check_photographs(comparison.inputs, "--as compare", request.outputs)
    masks = prepare_masks(request.masks, comparison.inputs, device=request.how.device)
    with spinner(f"showing {', '.join(one.name for one in comparison.inputs)}"):
        return draw(request, Material(comparison, masks), began)


def _print(shown: "Shown", as_json: bool, outputs: Sequence[Path]) -> None:
    from ..console.tables import print_facts, print_json

    if as_json:
        print_json({**shown.document, "written": [str(path) for path in outputs]})
    else:
        print_facts([*shown.facts, *(("written", str(path)) for path in outputs)])
