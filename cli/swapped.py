"""The work of `descr swap`: what it finds, says and writes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .comparison import check_photographs, prepare
from .errors import UserError, say
from .inputs import Input
from .masks import Masks, prepare_masks
from .outputs import Writer, check_writable
from .swap import Request

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from ..applications.swap.refinement import Refinement

_QUALITY = 95
_DOUBTFUL = 0.6
"""From which share of filled pixels on a swap is doubtful."""


@dataclass(frozen=True, eq=False)
class Swapped:
    """What a swap found.

    Parameters
    ----------
    request:
        What was asked for.
    inputs:
        A and B.
    there, back:
        The Datasets of A with the appearance of B, and of B with that of A; None where it was
        not asked for.
    frames:
        The animation, empty where it was not asked for.
    descriptor:
        The `repr` of the descriptor that made the features.
    refinement:
        How it was refined; None if it was not.
    seconds:
        How long it took.
    """

    request: Request
    inputs: "list[Input]"
    there: "xr.Dataset"
    back: "xr.Dataset | None"
    frames: "list[npt.NDArray[Any]]"
    descriptor: str
    refinement: "Refinement | None"
    seconds: float

    def writers(self) -> dict[Path, Writer]:
        """What writes each of the files."""
        writers = {path: _writer(self.there, path) for path in self.request.outputs}
        if self.back is not None:
            back = self.back
            writers |= {path: _writer(back, path) for path in self.request.also}
        if self.request.gif is not None:
            writers[self.request.gif] = self._write_gif
        return writers

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        source, target = (one.document() for one in self.inputs)
        swaps = [self.there] if self.back is None else [self.there, self.back]
        return {
            "source": source,
            "target": target,
            "swaps": [_numbers(swap) for swap in swaps],
            "blend": self.there.attrs["blend"],
            "descriptor": self.descriptor,
            "matcher": self.there.attrs["matcher"],
            "refinement": None if self.refinement is None else repr(self.refinement),
            "seconds": round(self.seconds, 3),
            "written": [str(path) for path in self.request.written],
        }

    def facts(self) -> list[tuple[str, str]]:
        """The same to be read."""
        document = self.document()
        facts = []
        for numbers in document["swaps"]:
            score = numbers["median_score"]
            facts += [
                ("swapped", f"{numbers['image']} with the appearance of {numbers['appearance']}"),
                ("pixels", f"{numbers['pixels']:,} ({1 - numbers['filled']:.1%} matched)"),
                ("median score", "-" if score is None else f"{score:.3f}"),
            ]
        facts += [(key, document[key]) for key in ("blend", "descriptor", "matcher")]
        if self.refinement is not None:
            facts.append(("refined", repr(self.refinement)))
        facts.append(("seconds", f"{self.seconds:.2f}"))
        return [*facts, *(("written", path) for path in document["written"])]

    def _write_gif(self, path: Path) -> None:
        from ..applications.swap.gif import write_gif

        write_gif(self.frames, path)


def run(request: Request) -> Swapped:
    """Do what is asked for; the library is loaded."""
    from ..applications import swap_both, swap_frames, swap_instances
    from .progress import spinner

    check_writable(request.written)
    began = time.perf_counter()
    options: dict[str, Any] = dict(request.swap)
    comparison = prepare([request.a, request.b], request.how)
    inputs, matcher, describe = comparison.inputs, comparison.matcher, comparison.describe
    assert matcher is not None
    check_photographs(inputs, request.written, "a swap")
    _check_options(request, inputs[0])
    masks = prepare_masks(request.masks, inputs, device=request.how.device)
    descriptor = None if describe is None else describe.made
    refinement = _refinement(request)
    if refinement is not None:
        # Weights that are missing are missed before features are extracted.
        refinement.prepare(descriptor)
    with spinner(f"swapping {inputs[0].name} with {inputs[1].name}"):
        trees = comparison.trees()
        maps = comparison.maps(trees)
        a, b = (one.image for one in inputs)
        assert a is not None
        assert b is not None
        of_a, of_b = _found(request, masks, inputs, maps)
        swap = swap_both if request.also else swap_instances
        with matcher.at_work():
            found = swap(
                a,
                b,
                source_mask=of_a,
                target_mask=of_b,
                maps=maps,
                descriptor=descriptor,
                matcher=matcher.made,
                refine=refinement,
                **options,
            )
        there, back = found if isinstance(found, tuple) else (found, None)
        frames = []
        if request.gif is not None:
            frames = swap_frames(a, b, there, target_mask=of_b, **request.animation)
    _say_doubt([there] if back is None else [there, back])
    return Swapped(
        request=request,
        inputs=inputs,
        there=there,
        back=back,
        frames=frames,
        descriptor=str(trees[0].attrs["descriptor"]),
        refinement=refinement,
        seconds=time.perf_counter() - began,
    )


def _say_doubt(swaps: "list[xr.Dataset]") -> None:
    """Say if little of an object has a match that holds."""
    for swap in swaps:
        numbers = _numbers(swap)
        if numbers["filled"] > _DOUBTFUL:
            say(
                f"only {1 - numbers['filled']:.0%} of the object in {numbers['image']} has a match "
                "that holds; the rest follows its neighbours and may mean nothing"
            )


def _check_options(request: Request, source: Input) -> None:
    """Refuse what the library would refuse after features have been extracted."""
    from ..applications.swap.animation import check_animation
    from ..applications.swap.options import SwapOptions
    from ..descriptors.errors import OptionError

    options: dict[str, Any] = dict(request.swap)
    SwapOptions(**options)
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
    from ..applications import Refinement

    device = {} if request.how.device is None else {"device": request.how.device}
    options: dict[str, Any] = {**request.refine, **device}
    return Refinement(**options)


def _found(
    request: Request, masks: Masks, inputs: "list[Input]", maps: "list[xr.DataArray]"
) -> "list[npt.NDArray[Any]]":
    """The mask of each image."""
    import numpy as np

    if request.whole:
        return [np.ones((one.height, one.width), dtype=bool) for one in inputs]
    return [mask for mask in masks.find(maps) if mask is not None]


def _numbers(swap: "xr.Dataset") -> dict[str, Any]:
    inside = swap["flow_x"].notnull()
    pixels = int(inside.sum())
    score = float(swap["score"].median())
    return {
        "image": swap.attrs["source_name"],
        "appearance": swap.attrs["target_name"],
        "pixels": pixels,
        "filled": round(int(swap["filled"].sum()) / pixels, 4),
        "median_score": round(score, 5) if score == score else None,
    }


def _writer(swap: "xr.Dataset", path: Path) -> Callable[[Path], None]:
    if path.suffix.lower() == ".nc":
        return lambda target: write_netcdf(swap, target)
    return lambda target: write_picture(swap, target)


def write_netcdf(swap: "xr.Dataset", target: Path) -> None:
    """The Dataset of the swap."""
    swap.to_netcdf(target, engine="netcdf4")


def write_picture(swap: "xr.Dataset", target: Path) -> None:
    """The image of the swap, in the form that the suffix of `target` asks for."""
    import PIL.Image

    # Pillow's JPEG otherwise halves the resolution of the colours, which blurs a swapped object.
    options: dict[str, Any] = {"quality": _QUALITY, "subsampling": 0}
    if target.suffix.lower() == ".png":
        options = {}
    PIL.Image.fromarray(swap["image"].values).save(target, **options)
