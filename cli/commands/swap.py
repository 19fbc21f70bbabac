"""`descr swap`: one object in the appearance of another."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ..console.errors import UserError
from ..console.memory import say_memory
from ..console.tables import Fact
from ..options import common as options
from ..options.comparison import Comparison
from ..options.groups import Panel, argument
from ..options.images import Answer, PairCommand, format_number, median
from ..options.inputs import check_photographs
from ..options.masks import PairMasks, mask_field
from ..options.method import FlowMethod
from ..options.outputs import RASTERS, Writer, write_picture

if TYPE_CHECKING:
    import xarray as xr

    from ...applications import Refinement

_FORMS = RASTERS | {".nc": "picture, flow and scores"}

_swap_field = Panel("Swap")
_refine_field = Panel("Refine")


Blend = StrEnum("Blend", "FEATHER POISSON NONE")
"""How swapped pixels meet the rest."""
Mode = StrEnum("Mode", "INPAINT IMG2IMG")
"""How Stable Diffusion redraws."""


@dataclass(frozen=True, kw_only=True)
class Swap(PairCommand):
    """Give the object in A the appearance of the object in B.

    Every pixel of the object in A takes the colour of its correspondence in B; A keeps its shape,
    its pose and everything around it. The matcher soft-argmax takes window=1 here unless
    --matcher-set says otherwise.
    """

    EXAMPLES: ClassVar[str] = """\
descr swap a.jpg b.jpg --mask-a a-mask.png --mask-b b-mask.png -o swapped.png
descr swap a.jpg b.jpg --segment "cat" -o a-as-b.png --also b-as-a.png
descr swap a.jpg b.jpg --auto-mask -o swapped.png --gif swapped.gif
descr swap a.jpg b.jpg --segment "cat" -o swapped.png --refine --prompt "a photo of a cat\""""
    doing: ClassVar[str] = "swapping {}"

    a: Path = argument("A", "The image that keeps shape and pose.")
    b: Path = argument("B", "The image that gives the appearance.")
    masks: PairMasks
    whole: bool = mask_field.flag("There is no object: swap the images as a whole.")
    blend: Blend = _swap_field(
        None,
        "At the border of the object: feather fades it in; poisson shifts its colours "
        "until they fit the surroundings; none leaves it.",
        default=Blend.FEATHER,
    )
    blend_width: float | None = _swap_field(
        "PIXELS",
        "How far the blend reaches into the object: by default a hundredth of its size "
        "for feather, all of it for poisson.",
    )
    smoothness: float | None = _swap_field(
        "CELLS", "How stiff the correspondence is: 2 by default; 0 takes every match as it is."
    )
    cells: int | None = _swap_field(
        "N", "Bring features to N cells along the longer side before they are matched."
    )
    max_consistency: float | None = _swap_field(
        "PIXELS",
        "Fill in where the way there and back misses its start by more: 3 cells by default.",
    )
    min_score: float | None = _swap_field(
        "SCORE", "Fill in where the score, a cosine from -1 to 1, is lower."
    )
    refine: bool = _refine_field.flag(
        "Redraw the object with Stable Diffusion in the end; needs the weights that "
        "`descr models pull sd` gets."
    )
    strength: float | None = _refine_field(
        "SHARE", "How much is redrawn, from 0 to 1; 0.4 by default."
    )
    steps: int | None = _refine_field(
        "N", "Steps of the denoiser, of which the share --strength is taken; 30 by default."
    )
    prompt: str | None = _refine_field("TEXT", "What the picture is to show.")
    seed: int | None = _refine_field("N", "Of the noise; 42 by default.")
    mode: Mode | None = _refine_field(
        None,
        "inpaint, the default, continues the surroundings; img2img redraws all and takes "
        "the object.",
        "--refine-mode",
    )
    model: str | None = _refine_field(
        "NAME|FOLDER",
        "Which Stable Diffusion: by default that of the descriptor, or sd-1.5.",
        "--refine-model",
    )
    method: Annotated[FlowMethod, {"matcher": "soft-argmax"}]
    output: list[Path] | None = options.output_field(
        "A with the appearance of B: .png, .jpg or .webp; or .nc with the flow."
    )
    also: list[Path] | None = options.result_field("FILE", "B with the appearance of A, likewise.")
    gif: Path | None = options.result_field("FILE.gif", "The pixels on their way from B to A.")
    gif_frames: int | None = options.result_field("N", "How many pictures; 30 by default.")
    gif_width: int | None = options.result_field(
        "PIXELS", "Width, at most that of A; 480 by default."
    )
    SUFFIXES: ClassVar = {"output": _FORMS, "also": _FORMS, "gif": {".gif": "animation"}}

    @property
    def animation(self) -> dict[str, int]:
        """The options of the animation, by their names in the library."""
        return _without_none(frames=self.gif_frames, width=self.gif_width)

    @property
    def redrawing(self) -> dict[str, Any]:
        """The options of the refinement, by their names in the library."""
        return self._options("strength", "steps", "prompt", "seed", "mode", "model")

    @property
    def swap(self) -> dict[str, Any]:
        """The options of the swap, by their names in the library."""
        return self._options(
            "blend", "blend_width", "smoothness", "cells", "max_consistency", "min_score"
        )

    def _options(self, *names: str) -> dict[str, Any]:
        return _without_none(**{name: getattr(self, name) for name in names})

    @cached_property
    def refinement(self) -> "Refinement | None":
        """How the swap is refined; None if it is not."""
        if not self.refine:
            return None
        from ...applications import Refinement

        return Refinement(**self.redrawing, **_without_none(device=self.method.device))

    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""
        for name in () if self.refine else self.redrawing:
            option = f"--refine-{name}" if name in ("mode", "model") else f"--{name}"
            raise UserError(f"{option} has nothing to do without --refine")
        self._check_masks()
        if not self.written():
            raise UserError("no file for the result", hint="say where it goes: -o FILE.png")
        if self.gif is not None:
            for name, least in (("frames", 2), ("width", 16)):
                value = self.animation.get(name, least)
                if value < least:
                    raise UserError(f"--gif-{name} must be at least {least}, not {value}")
        elif self.animation:
            raise UserError("--gif-frames and --gif-width have nothing to do without --gif")

    def _check_masks(self) -> None:
        has_mask = [path is not None for path in self.masks.files]
        if self.whole and self.masks.any:
            raise UserError(
                "--whole swaps the images as a whole, and a mask says that it is an object",
                hint="leave one of them out",
            )
        if any(has_mask) and not all(has_mask):
            missing = "--mask-b" if has_mask[0] else "--mask-a"
            raise UserError(
                f"a swap needs the mask of both objects, and {missing} is missing",
                hint=f"give {missing} too, or find both with --segment TEXT or --auto-mask",
            )
        if not self.whole and not self.masks.any:
            raise UserError(
                "where are the objects? a swap needs a mask of each image",
                hint="give --mask-a and --mask-b, --segment TEXT or --auto-mask; "
                "--whole swaps the images as a whole",
            )

    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse early what the library would refuse late, and say what memory the swap takes."""
        from ...applications.swap import SwapOptions, animation_memory, check_animation, swap_memory
        from ...descriptors.errors import OptionError

        inputs, descriptor = comparison.inputs, comparison.descriptor
        check_photographs(inputs, "a swap", self.written())
        SwapOptions(**self.swap)
        source, target = ((one.height, one.width) for one in inputs)
        size = swap_memory(source, target)
        if self.gif is not None:
            try:
                check_animation(source, **self.animation)
            except OptionError as error:
                raise UserError(
                    f"--gif: {error.message}", hint="lower --gif-width or --gif-frames"
                ) from error
            size = max(size, animation_memory(source, **self.animation))
        refinement = self.refinement
        networks = [] if refinement is None else [refinement.prepare(descriptor).model]
        say_memory(f"the swap of {inputs[0].title}", size, inputs, descriptor, *networks)

    def match(
        self, comparison: Comparison, source: Any, target: Any, matcher: Any, **masks: Any
    ) -> Answer:
        """The swap, the one the other way round, and the pictures of the animation."""
        from ...applications import save_gif, swap_both, swap_frames, swap_instances

        a, b = (one.image for one in comparison.inputs)
        parts = {"descriptor": comparison.descriptor, "matcher": matcher, "refine": self.refinement}
        options = {"maps": [source, target], **parts, **masks, **self.swap}
        swaps = swap_both(a, b, **options) if self.also else (swap_instances(a, b, **options),)
        there = swaps[0]
        writers = {
            path: _writer(swap, path)
            for swap, paths in zip(swaps, (self.output, self.also), strict=False)
            for path in paths or ()
        }
        if self.gif is not None:
            mask = masks["target_mask"]
            frames = swap_frames(a, b, there, target_mask=mask, **self.animation)
            writers[self.gif] = lambda target: save_gif(frames, target)
        numbers = [_numbers(one) for one in swaps]
        blend, refinement = there.attrs["blend"], self.refinement
        refined = None if refinement is None else repr(refinement)
        facts = [*(fact for one in numbers for fact in _facts(one)), ("blend", blend)]
        facts += [] if refined is None else [("refined", refined)]
        document = {"swaps": numbers, "blend": blend, "refinement": refined}
        return Answer(numbers=document, facts=facts, writers=writers)


def _without_none(**options: Any) -> dict[str, Any]:
    """The options that have a value, as plain texts; the library has the defaults of the others."""
    plain = {name: str(one) if isinstance(one, StrEnum) else one for name, one in options.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _numbers(swap: "xr.Dataset") -> dict[str, Any]:
    inside = swap["flow_x"].notnull()
    pixels = int(inside.sum())
    return {
        "image": swap.attrs["source_name"],
        "appearance": swap.attrs["target_name"],
        "pixels": pixels,
        "filled": round(int(swap["filled"].sum()) / pixels, 4),
        "median_score": median(swap["score"].values, 5),
    }


def _facts(numbers: dict[str, Any]) -> list[Fact]:
    return [
        ("swapped", f"{numbers['image']} with the appearance of {numbers['appearance']}"),
        ("pixels", f"{numbers['pixels']:,} ({1 - numbers['filled']:.1%} matched)"),
        ("median score", format_number(numbers["median_score"], "{:.3f}")),
    ]


def _writer(swap: "xr.Dataset", path: Path) -> Writer:
    if path.suffix.lower() == ".nc":
        return lambda target: swap.to_netcdf(target, engine="netcdf4")
    return lambda target: write_picture(swap["image"].values, target)
