"""The shape of the commands on images: options checked, images compared, answers written."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import typer

from ..console.errors import say
from ..console.tables import print_facts, print_json, print_table
from .comparison import Comparison, prepare
from .inputs import check_exist
from .loading import load_library
from .masks import MaskOptions, prepare_masks
from .method import ImageMethod
from .outputs import Writer, check_different, check_not_inputs, check_writable, write_all

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from ...matchers import Matcher
    from .masks import FindMasks

Fact = tuple[str, str]


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What came of a command on images.

    `numbers` are for the JSON document: lengths in pixels, None for no number; `facts` are the same
    to be read. `writers` write the files, but for .json, which holds the document. `more` gives
    what follows in it after the files; `table` is what `print_table` prints before the facts.
    """

    numbers: Mapping[str, Any]
    facts: Sequence[Fact]
    writers: Mapping[Path, Writer]
    more: Callable[[], Mapping[str, Any]] = dict
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None


class ImageCommand(ABC):
    """A command on images: a dataclass whose fields are its options; see `as_function`.

    `doing` says what it does with them, with a place for their names, which `between` joins.
    """

    masks: MaskOptions
    method: ImageMethod
    output: list[Path] | None
    as_json: bool
    doing: ClassVar[str]
    between: ClassVar[str]

    @property
    @abstractmethod
    def sources(self) -> Sequence[Path]:
        """The images and feature files that are compared."""

    @property
    def read(self) -> list[Path]:
        """All files that are read, but for the photographs of feature files."""
        return [*self.sources, *self.masks.paths]

    @property
    def written(self) -> list[Path]:
        """All files that are written, in the order in which they are told of."""
        return self.output or []

    @abstractmethod
    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""

    @abstractmethod
    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse what doesn't fit the inputs, before features are extracted."""

    @abstractmethod
    def work(self, comparison: Comparison, find_masks: "FindMasks") -> Answer:
        """Do what the command is for."""

    def run(self) -> None:
        """Check the options, do the work, write its files and print what came of it."""
        self.check()
        check_different(self.written)
        check_exist(self.read)
        check_not_inputs(self.written, self.read)
        load_library()
        from ..console.progress import spinner

        check_writable(self.written)
        start = time.perf_counter()
        comparison = prepare(self.sources, self.method)
        self.check_inputs(comparison)
        find_masks = prepare_masks(self.masks, comparison.inputs, device=self.method.device)
        names = self.between.join(one.name for one in comparison.inputs)
        with spinner(self.doing.format(names)):
            answer = self.work(comparison, find_masks)
        seconds = time.perf_counter() - start
        written = [str(path) for path in self.written]

        def document() -> dict[str, Any]:
            about = {"seconds": round(seconds, 3), "written": written}
            return {**answer.numbers, **about, **answer.more()}

        def write_json(target: Path) -> None:
            text = json.dumps(document(), indent=2, allow_nan=False)
            target.write_text(text + "\n", encoding="utf-8")

        write_all({path: answer.writers.get(path, write_json) for path in self.written})
        if self.as_json:
            print_json(document())
            return
        if answer.table is not None:
            titles, rows = answer.table
            print_table(titles, rows, numbers=[one for one in titles if one != "name"])
            typer.echo()
        paths = [("written", path) for path in written]
        print_facts([*answer.facts, ("seconds", f"{seconds:.2f}"), *paths])


class PairCommand(ImageCommand):
    """A command on two images, which are matched."""

    a: Path
    b: Path
    doing: ClassVar[str] = "matching {}"
    between: ClassVar[str] = " with "

    @property
    def sources(self) -> Sequence[Path]:
        """Source and target."""
        return self.a, self.b

    @abstractmethod
    def match(
        self,
        comparison: Comparison,
        source: "xr.DataArray",
        target: "xr.DataArray",
        matcher: "Matcher",
        **masks: Any,
    ) -> Answer:
        """What comes of two maps; the masks are `source_mask` and `target_mask`."""

    def work(self, comparison: Comparison, find_masks: "FindMasks") -> Answer:
        """Match the images, and say if the result means little."""
        from ...applications import measure_agreement
        from ...descriptors import combine

        assert comparison.matcher is not None
        trees = comparison.trees()
        source, target = maps = combine(trees, basis=comparison.basis)
        source_mask, target_mask = find_masks(maps)
        both: dict[str, Any] = {"source_mask": source_mask, "target_mask": target_mask}
        matcher = comparison.matcher.made
        with comparison.matcher.at_work():
            answer = self.match(comparison, source, target, matcher, **both)
        agreement = measure_agreement(source, target, device=matcher.device, **both)
        a, b = comparison.inputs
        if agreement.doubtful:
            say(
                f"little agreement between {a.name} and {b.name}: {agreement.mutual:.0%} of the "
                f"cells match mutually, only {agreement.coherent:.0%} of these are sure to move "
                f"together, and the way there and back misses by {agreement.round_trip:.0f} "
                "pixels: the result may mean nothing"
            )
        made_with = {"descriptor": str(trees[0].attrs["descriptor"]), "matcher": repr(matcher)}
        shares = f"{agreement.mutual:.1%} mutual, {agreement.coherent:.1%} of them coherent"
        return replace(
            answer,
            numbers={
                "source": a.document(),
                "target": b.document(),
                **answer.numbers,
                "agreement": agreement.to_dict(),
                **made_with,
            },
            facts=[
                ("images", f"{a.title} to {b.title}"),
                *answer.facts,
                ("agreement", shares),
                *made_with.items(),
            ],
        )


def median(values: "npt.NDArray[Any]", digits: int) -> float | None:
    """The median of the finite values, rounded; None where there is none."""
    import numpy as np

    finite = values[np.isfinite(values)]
    return round(float(np.median(finite)), digits) if finite.size else None


def format_number(number: float | None, form: str) -> str:
    """A number as it is printed, by a format as of `str.format`; "-" for None."""
    return "-" if number is None else form.format(number)
