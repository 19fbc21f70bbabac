"""What match, transfer, flow and swap share: two images compared, judged, written and printed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..console.errors import say
from ..console.memory import say_memory
from ..console.tables import print_facts, print_json
from ..options.comparison import How, prepare
from ..options.inputs import Input
from ..options.loading import load_library
from ..options.masks import MaskOptions, prepare_masks
from ..options.outputs import Writer, check_writable

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from ...applications import Agreement
    from ...matchers import Matcher

Fact = tuple[str, str]
R = TypeVar("R", bound="PairResult")


@dataclass(frozen=True, kw_only=True)
class PairRequest:
    """The options that all commands on a pair have, checked without loading anything."""

    a: Path
    b: Path
    masks: MaskOptions
    how: How
    outputs: list[Path]

    @property
    def written(self) -> list[Path]:
        """All files, in the order in which they are told of."""
        return self.outputs

    @property
    def read(self) -> list[Path]:
        """All files that are looked at, but for those of single commands."""
        return [self.a, self.b, *self.masks.paths]


@dataclass(frozen=True, eq=False, kw_only=True)
class PairResult:
    """The answer of a command on a pair: `found` is the Dataset of the library.

    `inputs` are source and target, `descriptor` is the `repr` of what made the features, and
    `seconds` is how long reading, extracting and matching took.
    """

    request: PairRequest
    inputs: Sequence[Input]
    found: "xr.Dataset"
    agreement: "Agreement"
    descriptor: str
    seconds: float

    def numbers(self) -> dict[str, Any]:
        """What the command is about, under the names that it has in the JSON document."""
        raise NotImplementedError

    def facts(self) -> list[Fact]:
        """The same to be read."""
        raise NotImplementedError

    def document(self) -> dict[str, Any]:
        """The JSON document: lengths in pixels, None for the median of nothing."""
        source, target = (one.document() for one in self.inputs)
        return {
            "source": source,
            "target": target,
            **self.numbers(),
            "agreement": self.agreement.to_dict(),
            "descriptor": self.descriptor,
            "matcher": str(self.found.attrs["matcher"]),
            "seconds": round(self.seconds, 3),
            "written": [str(path) for path in self.request.written],
        }

    def writers(self) -> dict[Path, Writer]:
        """What writes each of the files."""
        raise NotImplementedError

    def show(self, as_json: bool) -> None:
        """Print the document, or a summary, to standard output."""
        if as_json:
            print_json(self.document())
            return
        agreement = self.agreement
        print_facts(
            [
                ("images", " to ".join(one.title for one in self.inputs)),
                *self.facts(),
                (
                    "agreement",
                    f"{agreement.mutual:.1%} mutual, {agreement.coherent:.1%} of them coherent",
                ),
                ("descriptor", self.descriptor),
                ("matcher", str(self.found.attrs["matcher"])),
                ("seconds", f"{self.seconds:.2f}"),
                *(("written", str(path)) for path in self.request.written),
            ]
        )


def compare(
    kind: type[R],
    request: PairRequest,
    find: "Callable[..., xr.Dataset]",
    *,
    check: Callable[[Sequence[Input]], None],
    memory: Callable[[Sequence[Input]], tuple[str, int]] | None = None,
    doing: str = "matching {} with {}",
) -> R:
    """Load the library, do the work, and say if its result means little.

    `find(source, target, matcher=..., source_mask=..., target_mask=...)` gives the Dataset of two
    maps; `check` refuses what doesn't fit the inputs, before features are extracted; `memory` gives
    what the work on them is called, and the bytes that it takes, which are said; `doing` is what to
    say meanwhile, with places for the names of the images.
    """
    load_library()
    from ..console.progress import spinner

    check_writable(request.written)
    began = time.perf_counter()
    comparison = prepare([request.a, request.b], request.how)
    inputs, matcher = comparison.inputs, comparison.matcher
    assert matcher is not None
    check(inputs)
    if memory is not None:
        descriptor = None if comparison.describe is None else comparison.describe.made
        say_memory(*memory(inputs), inputs, descriptor)
    masks = prepare_masks(request.masks, inputs, device=request.how.device)
    with spinner(doing.format(*(one.name for one in inputs))):
        trees = comparison.trees()
        maps = comparison.maps(trees)
        source_mask, target_mask = masks.find(maps)
        named = {"source_mask": source_mask, "target_mask": target_mask}
        with matcher.at_work():
            found = find(*maps, matcher=matcher.made, **named)
    return kind(
        request=request,
        inputs=inputs,
        found=found,
        agreement=judge(maps, matcher.made, **named),
        descriptor=str(trees[0].attrs["descriptor"]),
        seconds=time.perf_counter() - began,
    )


def judge(maps: "Sequence[xr.DataArray]", matcher: "Matcher", **masks: Any) -> "Agreement":
    """How far two images agree; says on standard error if it is little."""
    from ...applications import measure_agreement

    agreement = measure_agreement(*maps, device=matcher.device, **masks)
    if agreement.doubtful:
        a, b = (one.attrs["image_name"] for one in maps)
        say(
            f"little agreement between {a} and {b}: {agreement.mutual:.0%} of the cells match "
            f"mutually, only {agreement.coherent:.0%} of these are sure to move together, and the "
            f"way there and back misses by {agreement.round_trip:.0f} pixels: the result may mean "
            "nothing"
        )
    return agreement


def median(values: "npt.NDArray[Any]", digits: int) -> float | None:
    """The median of the finite values, rounded; None where there is none."""
    import numpy as np

    finite = values[np.isfinite(values)]
    return round(float(np.median(finite)), digits) if finite.size else None
