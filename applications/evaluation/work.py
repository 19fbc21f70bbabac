"""What is to be done with each pair, by what is known of the pairs of a data set."""

from collections.abc import Sequence
from typing import Any, Protocol

from ...descriptors.errors import OptionError
from ...descriptors.sampling import Interpolation
from ...matchers import Matcher
from .datasets import Dataset
from .extraction import Folders
from .flow import FlowWork
from .listing import Listed, Listing
from .maps import Maps
from .packing import Arrays
from .points import BATCH, PointWork


class Work(Protocol):
    """The work on pairs of one kind of truth.

    `most` is how many pairs with one target may be worked on at once.
    """

    most: int

    def run(self, pairs: Sequence[Listed]) -> list[Arrays]:
        """The answers for these pairs, which have one category and one target."""

    def variables(self, pairs: Sequence[Listed], found: Sequence[Arrays]) -> dict[str, Any]:
        """The answers of all pairs as variables of the predictions."""


def make_work(
    dataset: Dataset,
    listing: Listing,
    matcher: Matcher,
    interpolation: Interpolation,
    maps: Maps,
    folders: Folders,
) -> Work:
    """The work that the truth of this data set asks for."""
    if dataset.truth == "points":
        first = listing.pairs[0]
        joint = maps.is_joint(folders.upright[first.category], first.source)
        most = 1 if matcher.uses_source or joint else BATCH
        return PointWork(matcher, interpolation, maps, folders, most=most)
    if dataset.truth == "flow":
        return FlowWork(matcher, maps, folders, on_target=dataset.flow_lies_on == "target")
    raise OptionError(f"{dataset.title} can't be evaluated: its truth is {dataset.truth!r}")
