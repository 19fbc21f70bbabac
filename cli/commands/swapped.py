"""The work of `descr swap`: what it finds, says and writes."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console.errors import UserError
from ..console.memory import say_memory
from ..console.pictures import write_picture
from ..options.comparison import prepare
from ..options.inputs import Input, check_photographs
from ..options.masks import prepare_masks
from ..options.outputs import Writer, check_writable
from .pairs import Fact, PairResult, judge, median
from .swap import Request

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from ...applications.swap.refinement import Refinement
    from ...descriptors import Descriptor


@dataclass(frozen=True, eq=False, kw_only=True)
class Swapped(PairResult):
    """What a swap found: A with the appearance of B.

    `back` is the Dataset of B with the appearance of A, and `frames` is the animation; None and
    empty where they were not asked for. `refinement` is how it was refined; None if it was not.
    """

    request: Request
    back: "xr.Dataset | None"
    frames: "list[npt.NDArray[Any]]"
    refinement: "Refinement | None"

    def writers(self) -> dict[Path, Writer]:
        """What writes each of the files."""
        writers = {path: _writer(self.found, path) for path in self.request.outputs}
        if self.back is not None:
            back = self.back
            writers |= {path: _writer(back, path) for path in self.request.also}
        if self.request.gif is not None:
            writers[self.request.gif] = self._write_gif
        return writers

    def numbers(self) -> dict[str, Any]:
        """What was swapped, and how."""
        swaps = [self.found] if self.back is None else [self.found, self.back]
        return {
            "swaps": [_numbers(swap) for swap in swaps],
            "blend": self.found.attrs["blend"],
            "refinement": None if self.refinement is None else repr(self.refinement),
        }

    def facts(self) -> list[Fact]:
        """The same to be read."""
        numbers = self.numbers()
        facts = []
        for swap in numbers["swaps"]:
            score = swap["median_score"]
            facts += [
                ("swapped", f"{swap['image']} with the appearance of {swap['appearance']}"),
                ("pixels", f"{swap['pixels']:,} ({1 - swap['filled']:.1%} matched)"),
                ("median score", "-" if score is None else f"{score:.3f}"),
            ]
        refined = [] if self.refinement is None else [("refined", repr(self.refinement))]
        return [*facts, ("blend", numbers["blend"]), *refined]

    def _write_gif(self, path: Path) -> None:
        from ...applications.swap import save_gif

        save_gif(self.frames, path)


def run(request: Request) -> Swapped:
    """Do what is asked for; the library is loaded."""
    from ...applications import swap_both, swap_frames, swap_instances
    from ...applications.swap.animation import animation_memory
    from ...applications.swap.instances import swap_memory
    from ..console.progress import spinner

    check_writable(request.written)
    began = time.perf_counter()
    comparison = prepare([request.a, request.b], request.how)
    inputs, matcher, describe = comparison.inputs, comparison.matcher, comparison.describe
    assert matcher is not None
    check_photographs(inputs, "a swap", request.written)
    _check_options(request, inputs[0])
    masks = prepare_masks(request.masks, inputs, device=request.how.device)
    descriptor = None if describe is None else describe.made
    refinement = _refinement(request)
    networks: list[Descriptor] = []
    if refinement is not None:
        # Weights that are missing are missed before features are extracted.
        networks.append(refinement.prepare(descriptor).model)
    source, target = ((one.height, one.width) for one in inputs)
    size = swap_memory(source, target)
    if request.gif is not None:
        size = max(size, animation_memory(source, **request.animation))
    say_memory(f"the swap of {inputs[0].title}", size, inputs, descriptor, *networks)
    with spinner(f"swapping {inputs[0].name} with {inputs[1].name}"):
        trees = comparison.trees()
        maps = comparison.maps(trees)
        a, b = (one.image for one in inputs)
        source_mask, target_mask = masks.find(maps)
        swap = swap_both if request.also else swap_instances
        with matcher.at_work():
            found = swap(
                a,
                b,
                maps=maps,
                descriptor=descriptor,
                matcher=matcher.made,
                refine=refinement,
                source_mask=source_mask,
                target_mask=target_mask,
                **request.swap,
            )
        there, back = found if isinstance(found, tuple) else (found, None)
        frames = []
        if request.gif is not None:
            frames = swap_frames(a, b, there, target_mask=target_mask, **request.animation)
    return Swapped(
        request=request,
        inputs=inputs,
        found=there,
        back=back,
        frames=frames,
        agreement=judge(maps, matcher.made, source_mask=source_mask, target_mask=target_mask),
        descriptor=str(trees[0].attrs["descriptor"]),
        refinement=refinement,
        seconds=time.perf_counter() - began,
    )


def _check_options(request: Request, source: Input) -> None:
    """Refuse what the library would refuse after features have been extracted."""
    from ...applications.swap.animation import check_animation
    from ...applications.swap.options import SwapOptions
    from ...descriptors.errors import OptionError

    SwapOptions(**request.swap)
    if request.gif is not None:
        try:
            check_animation((source.height, source.width), **request.animation)
        except OptionError as error:
            raise UserError(
                f"--gif: {error.message}", hint="lower --gif-width or --gif-frames"
            ) from error


def _refinement(request: Request) -> "Refinement | None":
    if request.refine is None:
        return None
    from ...applications import Refinement

    device = {} if request.how.device is None else {"device": request.how.device}
    options: dict[str, Any] = {**request.refine, **device}
    return Refinement(**options)


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


def _writer(swap: "xr.Dataset", path: Path) -> Writer:
    if path.suffix.lower() == ".nc":
        return lambda target: swap.to_netcdf(target, engine="netcdf4")
    return lambda target: write_picture(swap["image"].values, target)
