"""The shape of the commands on two images: their maps are matched, and the result is judged."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..console.errors import say
from .comparison import Comparison
from .images import Answer, ImageCommand

if TYPE_CHECKING:
    import xarray as xr

    from ...matchers import Matcher
    from .masks import FindMasks


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
        source, target = maps = combine(trees)
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
