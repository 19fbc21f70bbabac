"""`descr swap`: one object in the appearance of another."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..console.errors import UserError
from ..console.pictures import PICTURES
from ..options import common as options
from ..options.groups import FlowHow, Masks, grouped
from ..options.inputs import check_exist
from ..options.loading import load_library
from ..options.outputs import check_different, check_not_inputs, check_suffixes, write_all
from .pairs import PairRequest

EXAMPLES = """\
descr swap a.jpg b.jpg --mask-a a-mask.png --mask-b b-mask.png -o swapped.png
descr swap a.jpg b.jpg --segment "cat" -o a-as-b.png --also b-as-a.png
descr swap a.jpg b.jpg --auto-mask -o swapped.png --gif swapped.gif
descr swap a.jpg b.jpg --segment "cat" -o swapped.png --refine --prompt "a photo of a cat\""""

SUFFIXES = PICTURES | {".nc": "picture, flow and scores"}
GIF = {".gif": "animation"}

_swap_option = options.panel("Swap")
_refine_option = options.panel("Refine")


class Blend(StrEnum):
    """How swapped pixels meet the rest."""

    FEATHER = "feather"
    POISSON = "poisson"
    NONE = "none"


class Mode(StrEnum):
    """How Stable Diffusion redraws."""

    INPAINT = "inpaint"
    IMG2IMG = "img2img"


@dataclass(frozen=True, kw_only=True)
class Request(PairRequest):
    """The options of a swap, checked as far as they can be without loading anything.

    `swap`, `refine` and `animation` are the options of the library that were given, by its names;
    `refine` is None where nothing is to be refined.
    """

    whole: bool
    swap: dict[str, Any]
    refine: dict[str, Any] | None
    animation: dict[str, int]
    also: list[Path]
    gif: Path | None

    @property
    def written(self) -> list[Path]:
        """All files, in the order in which they are told of."""
        return [*self.outputs, *self.also, *([] if self.gif is None else [self.gif])]


@grouped
def swap(
    a: Annotated[Path, typer.Argument(metavar="A", help="The image that keeps shape and pose.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The image that gives the appearance.")],
    *,
    masks: Masks,
    whole: Annotated[
        bool,
        options.mask_option("--whole", help="There is no object: swap the images as a whole."),
    ] = False,
    blend: Annotated[
        Blend,
        _swap_option(
            help="At the border of the object: feather fades it in; poisson shifts its colours "
            "until they fit the surroundings; none leaves it.",
        ),
    ] = Blend.FEATHER,
    blend_width: Annotated[
        float | None,
        _swap_option(
            metavar="PIXELS",
            help="How far the blend reaches into the object: by default a hundredth of its size "
            "for feather, all of it for poisson.",
        ),
    ] = None,
    smoothness: Annotated[
        float | None,
        _swap_option(
            metavar="CELLS",
            help="How stiff the correspondence is: 2 by default; 0 takes every match as it is.",
        ),
    ] = None,
    cells: Annotated[
        int | None,
        _swap_option(
            metavar="N",
            help="Bring features to N cells along the longer side before they are matched.",
        ),
    ] = None,
    max_consistency: Annotated[
        float | None,
        _swap_option(
            metavar="PIXELS",
            help="Fill in where the way there and back misses its start by more: 3 cells by "
            "default.",
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        _swap_option(
            metavar="SCORE",
            help="Fill in where the score, a cosine from -1 to 1, is lower.",
        ),
    ] = None,
    refine: Annotated[
        bool,
        _refine_option(
            "--refine",
            help="Redraw the object with Stable Diffusion in the end; needs the weights that "
            "`descr models pull sd` gets.",
        ),
    ] = False,
    strength: Annotated[
        float | None,
        _refine_option(metavar="SHARE", help="How much is redrawn, from 0 to 1; 0.4 by default."),
    ] = None,
    steps: Annotated[
        int | None,
        _refine_option(
            metavar="N",
            help="Steps of the denoiser, of which the share --strength is taken; 30 by default.",
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        _refine_option(metavar="TEXT", help="What the picture is to show."),
    ] = None,
    seed: Annotated[
        int | None,
        _refine_option(metavar="N", help="Of the noise; 42 by default."),
    ] = None,
    mode: Annotated[
        Mode | None,
        _refine_option(
            "--refine-mode",
            help="inpaint, the default, continues the surroundings; img2img redraws all and takes "
            "the object.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        _refine_option(
            "--refine-model",
            metavar="NAME|FOLDER",
            help="Which Stable Diffusion: by default that of the descriptor, or sd-1.5.",
        ),
    ] = None,
    how: FlowHow,
    output: Annotated[
        list[Path] | None,
        options.output_option(
            "A with the appearance of B: .png, .jpg or .webp; or .nc with the flow. Can be "
            "repeated."
        ),
    ] = None,
    also: Annotated[
        list[Path] | None,
        options.result_option(metavar="FILE", help="B with the appearance of A, likewise."),
    ] = None,
    gif: Annotated[
        Path | None,
        options.result_option(metavar="FILE.gif", help="The pixels on their way from B to A."),
    ] = None,
    gif_frames: Annotated[
        int | None,
        options.result_option(metavar="N", help="How many pictures; 30 by default."),
    ] = None,
    gif_width: Annotated[
        int | None,
        options.result_option(metavar="PIXELS", help="Width, at most that of A; 480 by default."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Give the object in A the appearance of the object in B.

    Every pixel of the object in A takes the colour of its correspondence in B; A keeps its shape,
    its pose and everything around it. The matcher soft-argmax takes window=1 here unless
    --matcher-set says otherwise.
    """
    refinement = {
        "strength": strength,
        "steps": steps,
        "prompt": prompt,
        "seed": seed,
        "mode": None if mode is None else str(mode),
        "model": model,
    }
    request = Request(
        a=a,
        b=b,
        masks=masks,
        whole=whole,
        how=how,
        swap=_given(
            blend=str(blend),
            blend_width=blend_width,
            smoothness=smoothness,
            cells=cells,
            max_consistency=max_consistency,
            min_score=min_score,
        ),
        refine=_given(**refinement) if refine else None,
        animation=_given(frames=gif_frames, width=gif_width),
        outputs=output or [],
        also=also or [],
        gif=gif,
    )
    if not refine:
        for name, value in refinement.items():
            option = f"--refine-{name}" if name in ("mode", "model") else f"--{name}"
            if value is not None:
                raise UserError(f"{option} has nothing to do without --refine")
    _check(request)
    load_library()
    from .swapped import run

    result = run(request)
    write_all(result.writers())
    result.show(as_json)


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given; the library has the defaults of the others."""
    return {name: value for name, value in options.items() if value is not None}


def _check(request: Request) -> None:
    """Refuse what is wrong with the options, before the library is loaded."""
    _check_masks(request)
    if not request.written:
        raise UserError("no file for the result", hint="say where it goes: -o FILE.png")
    check_suffixes(request.outputs, SUFFIXES)
    check_suffixes(request.also, SUFFIXES, option="--also")
    if request.gif is not None:
        check_suffixes([request.gif], GIF, option="--gif")
        for option, key, least in (("--gif-frames", "frames", 2), ("--gif-width", "width", 16)):
            if request.animation.get(key, least) < least:
                raise UserError(f"{option} must be at least {least}, not {request.animation[key]}")
    elif request.animation:
        raise UserError("--gif-frames and --gif-width have nothing to do without --gif")
    check_different(request.written)
    check_exist(request.read)
    check_not_inputs(request.written, request.read)


def _check_masks(request: Request) -> None:
    given = [path is not None for path in request.masks.files]
    if request.whole and request.masks.given:
        raise UserError(
            "--whole swaps the images as a whole, and a mask says that it is an object",
            hint="leave one of them out",
        )
    if any(given) and not all(given):
        missing = "--mask-b" if given[0] else "--mask-a"
        raise UserError(
            f"a swap needs the mask of both objects, and {missing} is missing",
            hint=f"give {missing} too, or find both with --segment TEXT or --auto-mask",
        )
    if not request.whole and not request.masks.given:
        raise UserError(
            "where are the objects? a swap needs a mask of each image",
            hint="give --mask-a and --mask-b, --segment TEXT or --auto-mask; "
            "--whole swaps the images as a whole",
        )
