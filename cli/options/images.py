"""The commands on images: images compared, answers written and printed."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..console.errors import say
from ..console.tables import Fact, Table
from .command import WorkCommand
from .comparison import Comparison, prepare
from .groups import argument
from .masks import MaskOptions, prepare_masks
from .method import ImageMethod
from .outputs import Writer, write_all

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from ...matchers import Matcher
    from .masks import FindMasks


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What came of a command on images.

    `numbers` are for the JSON document: lengths in pixels, None for no number; `facts` are the same
    to be read. `writers` write the files, but for .json, which holds the document. `more` gives
    what follows in it after the files; `tables` are printed before the facts.
    """

    numbers: Mapping[str, Any]
    facts: Sequence[Fact]
    writers: Mapping[Path, Writer]
    more: Callable[[], Mapping[str, Any]] = dict
    tables: Sequence[Table] = ()


class ImageCommand(WorkCommand):
    """A command on images.

    `doing` says what it does with them, with a place for their names, which `between` joins.
    """

    masks: MaskOptions
    method: ImageMethod
    doing: ClassVar[str]
    between: ClassVar[str]

    @property
    def sources(self) -> Sequence[Path]:
        """The images and feature files that are compared."""
        raise NotImplementedError

    @property
    def read(self) -> list[Path]:
        """See `WorkCommand.read`."""
        return [*self.sources, *self.masks.paths, *filter(None, [self.method.basis])]

    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse what doesn't fit the inputs, before features are extracted."""

    def compare(self, comparison: Comparison, find_masks: "FindMasks") -> Answer:
        """What comes of the images."""
        raise NotImplementedError

    def work(self) -> None:
        """Compare the images, write the files and print what came of it."""
        from ..console.progress import spinner

        start = time.perf_counter()
        comparison = prepare(self.sources, self.method)
        self.check_inputs(comparison)
        find_masks = prepare_masks(self.masks, comparison.inputs, device=self.method.device)
        names = self.between.join(one.name for one in comparison.inputs)
        with spinner(self.doing.format(names)):
            answer = self.compare(comparison, find_masks)
        seconds = time.perf_counter() - start
        paths = self.written()
        about = {"seconds": round(seconds, 3), "written": [str(path) for path in paths]}
        texts = self.as_json or any(path not in answer.writers for path in paths)
        document = {**answer.numbers, **about, **(answer.more() if texts else {})}

        def write_json(target: Path) -> None:
            text = json.dumps(document, indent=2, allow_nan=False)
            target.write_text(text + "\n", encoding="utf-8")

        write_all({path: answer.writers.get(path, write_json) for path in paths})
        self.print_result(document, [*answer.facts, ("seconds", f"{seconds:.2f}")], answer.tables)


@dataclass(frozen=True, kw_only=True)
class PairCommand(ImageCommand):
    """A command on two images, which are matched."""

    a: Path = argument("A", "The source: an image or a feature file.")
    b: Path = argument("B", "The target: an image or a feature file.")
    doing: ClassVar[str] = "matching {}"
    between: ClassVar[str] = " with "

    @property
    def sources(self) -> Sequence[Path]:
        """Source and target."""
        return self.a, self.b

    def match(
        self,
        comparison: Comparison,
        source: "xr.DataArray",
        target: "xr.DataArray",
        matcher: "Matcher",
        **masks: Any,
    ) -> Answer:
        """What comes of two maps; the masks are `source_mask` and `target_mask`."""
        raise NotImplementedError

    def compare(self, comparison: Comparison, find_masks: "FindMasks") -> Answer:
        """Match the images, and say if the result means little."""
        from ...applications import measure_agreement

        assert comparison.matcher is not None
        source, target = maps = comparison.maps()
        both: dict[str, Any] = dict(
            zip(("source_mask", "target_mask"), find_masks(maps), strict=True)
        )
        matcher = comparison.matcher.item
        with comparison.matcher.at_work():
            answer = self.match(comparison, source, target, matcher, **both)
        agreement = measure_agreement(source, target, device=matcher.device, **both)
        a, b = comparison.inputs
        if agreement.doubtful:
            self.warn(
                f"little agreement between {a.name} and {b.name}: {agreement.mutual:.0%} of the "
                f"cells match mutually, only {agreement.coherent:.0%} of these are sure to move "
                f"together, and the way there and back misses by {agreement.round_trip:.0f} "
                "pixels: the result may mean nothing"
            )
        method = {"descriptor": str(source.attrs["descriptor"]), "matcher": repr(matcher)}
        shares = f"{agreement.mutual:.1%} mutual, at least {agreement.coherent:.1%} coherent"
        images = {"source": a.document(), "target": b.document()}
        measures = {"agreement": agreement.to_dict(), **method}
        pair = ("images", f"{a.title} to {b.title}")
        return replace(
            answer,
            numbers={**images, **answer.numbers, **measures},
            facts=[pair, *answer.facts, ("agreement", shares), *method.items()],
        )

    def warn(self, text: str) -> None:
        """Say that the result may mean little."""
        say(text)


def median(values: "npt.NDArray[Any]", digits: int) -> float | None:
    """The median of the finite values, rounded; None where there is none."""
    import numpy as np

    finite = values[np.isfinite(values)]
    return round(float(np.median(finite)), digits) if finite.size else None


def format_number(number: float | None, form: str) -> str:
    """A number as it is printed, by a format as of `str.format`; "-" for None."""
    return "-" if number is None else form.format(number)
