"""The shape of the commands on images: options checked, images compared, results written."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console.tables import print_facts, print_json
from .comparison import Comparison, prepare
from .inputs import Input, check_exist
from .loading import load_library
from .masks import MaskOptions, Masks, prepare_masks
from .method import ImageMethod
from .outputs import Writer, check_different, check_not_inputs, check_writable, write_all

if TYPE_CHECKING:
    import numpy.typing as npt

Fact = tuple[str, str]


class ImageCommand(ABC):
    """A command on images: a dataclass whose fields are its options; see `as_function`."""

    masks: MaskOptions
    method: ImageMethod
    output: list[Path] | None
    as_json: bool

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
    def activity(self, names: Sequence[str]) -> str:
        """What the command does with images of these names, as it is said meanwhile."""

    @abstractmethod
    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""

    @abstractmethod
    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse what doesn't fit the inputs, before features are extracted."""

    @abstractmethod
    def work(self, comparison: Comparison, masks: Masks) -> "Result":
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
        masks = prepare_masks(self.masks, comparison.inputs, device=self.method.device)
        with spinner(self.activity([one.name for one in comparison.inputs])):
            result = self.work(comparison, masks)
        result = replace(result, seconds=time.perf_counter() - start)
        write_all(result.writers())
        result.print()


@dataclass(frozen=True, eq=False, kw_only=True)
class Result(ABC):
    """What came of a command on images.

    `descriptor` is the `repr` of what made the features, and `seconds` is how long reading,
    extracting and the work took.
    """

    command: ImageCommand
    inputs: Sequence[Input]
    descriptor: str
    seconds: float = 0.0

    @abstractmethod
    def writers(self) -> dict[Path, Writer]:
        """What writes each of the files."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """The JSON document, but for time and files: lengths in pixels, None for no number."""

    @abstractmethod
    def facts(self) -> list[Fact]:
        """The same to be read."""

    def whole_document(self) -> dict[str, Any]:
        """The JSON document."""
        written = [str(path) for path in self.command.written]
        return {**self.document(), "seconds": round(self.seconds, 3), "written": written}

    def print(self) -> None:
        """Print the document, or a summary, to standard output."""
        if self.command.as_json:
            print_json(self.whole_document())
            return
        written = [("written", str(path)) for path in self.command.written]
        print_facts([*self.facts(), ("seconds", f"{self.seconds:.2f}"), *written])


def median(values: "npt.NDArray[Any]", digits: int) -> float | None:
    """The median of the finite values, rounded; None where there is none."""
    import numpy as np

    finite = values[np.isfinite(values)]
    return round(float(np.median(finite)), digits) if finite.size else None
