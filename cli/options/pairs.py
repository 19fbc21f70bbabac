"""The shape of the commands on two images: their maps are matched, and the result is judged."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console.errors import say
from .comparison import Comparison
from .images import Fact, ImageCommand, Result
from .masks import Masks

if TYPE_CHECKING:
    import xarray as xr

    from ...applications import Agreement
    from ...matchers import Matcher


class PairCommand(ImageCommand):
    """A command on two images, which are matched."""

    a: Path
    b: Path

    @property
    def sources(self) -> Sequence[Path]:
        """Source and target."""
        return self.a, self.b

    def activity(self, names: Sequence[str]) -> str:
        """What the command does with the images."""
        return "matching {} with {}".format(*names)

    @abstractmethod
    def match(
        self,
        comparison: Comparison,
        maps: "Sequence[xr.DataArray]",
        matcher: "Matcher",
        **masks: Any,
    ) -> Any:
        """What is found of two maps; the masks are `source_mask` and `target_mask`."""

    @abstractmethod
    def result(self, matches: Any, **common: Any) -> "PairResult":
        """What is written and printed of what `match` gives."""

    def work(self, comparison: Comparison, masks: Masks) -> Result:
        """Match the images, and say if the result means little."""
        from ...applications import measure_agreement
        from ...descriptors import combine

        assert comparison.matcher is not None
        trees = comparison.trees()
        maps = combine(trees)
        source_mask, target_mask = masks.find(maps)
        both: dict[str, Any] = {"source_mask": source_mask, "target_mask": target_mask}
        matcher = comparison.matcher.made
        with comparison.matcher.at_work():
            matches = self.match(comparison, maps, matcher, **both)
        agreement = measure_agreement(*maps, device=matcher.device, **both)
        if agreement.doubtful:
            a, b = (one.name for one in comparison.inputs)
            say(
                f"little agreement between {a} and {b}: {agreement.mutual:.0%} of the cells match "
                f"mutually, only {agreement.coherent:.0%} of these are sure to move together, and "
                f"the way there and back misses by {agreement.round_trip:.0f} pixels: the result "
                "may mean nothing"
            )
        return self.result(
            matches,
            inputs=comparison.inputs,
            descriptor=str(trees[0].attrs["descriptor"]),
            agreement=agreement,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class PairResult(Result):
    """What came of a command on two images: `matches` is the Dataset of the library."""

    command: PairCommand
    matches: "xr.Dataset"
    agreement: "Agreement"

    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """What the command is about, under the names that it has in the JSON document."""

    @abstractmethod
    def of_numbers(self, numbers: dict[str, Any]) -> list[Fact]:
        """The same to be read."""

    def document(self) -> dict[str, Any]:
        """The JSON document, but for time and files."""
        source, target = (one.document() for one in self.inputs)
        return {
            "source": source,
            "target": target,
            **self.numbers(),
            "agreement": self.agreement.to_dict(),
            "descriptor": self.descriptor,
            "matcher": str(self.matches.attrs["matcher"]),
        }

    def facts(self) -> list[Fact]:
        """The same to be read."""
        shares = f"{self.agreement.mutual:.1%} mutual, {self.agreement.coherent:.1%} of them"
        return [
            ("images", " to ".join(one.title for one in self.inputs)),
            *self.of_numbers(self.numbers()),
            ("agreement", f"{shares} coherent"),
            ("descriptor", self.descriptor),
            ("matcher", str(self.matches.attrs["matcher"])),
        ]
