"""What is to be done with each pair, by what is known of the pairs of a data set."""

from collections.abc import Sequence
from typing import Any, Protocol

from ....descriptors.errors import OptionError
from ....matchers import Matcher
from ..datasets import Dataset
from .extraction import Folders
from .flow import FlowWork
from .listing import Listed, Listing
from .maps import Maps
from .masks import MaskWork
from .packing import Arrays
from .points import BATCH, PointWork
from .settings import Settings


class Work(Protocol):
    """The work on pairs of one kind of truth; `name` is the `repr` of what finds the answers."""

    name: str

    def batches(self, pairs: Sequence[Listed]) -> list[list[int]]:
        """Places among the pairs that are worked on together, in the order of work.

        They depend on the pairs alone.
        """

    def run(self, pairs: Sequence[Listed]) -> list[Arrays]:
        """The answers for the pairs of one batch, one for each."""

    def variables(self, pairs: Sequence[Listed], found: Sequence[Arrays]) -> dict[str, Any]:
        """The answers of all pairs as variables of the predictions."""


def make_work(
    dataset: Dataset,
    listing: Listing,
    matcher: Matcher,
    maps: Maps,
    folders: Folders,
) -> Work:
    """The work that the truth of this data set asks for.

    `maps` is where feature maps come from, and `folders` where features lie.
    """
    if dataset.truth == "flow":
        return FlowWork(matcher, maps, folders, on_target=dataset.flow_lies_on == "target")
    if dataset.truth == "masks":
        return MaskWork(dataset, maps, folders)
    first = listing.pairs[0]
    joint = maps.is_joint(folders.upright[first.category], first.source)
    most = 1 if matcher.uses_source or joint else BATCH
    return PointWork(matcher, maps, folders, most=most)


def check_groups(dataset: Dataset, listing: Listing, settings: Settings) -> None:
    """Raise `OptionError` where poses can't be aligned.

    They can't where a pair doesn't say which points are left and right of each other, unless that
    is accepted.
    """
    if not settings.align_pose or settings.accept_mirrored_parts:
        return
    for pair in listing.pairs:
        if len(pair.source_points) and pair.mirrored_points is None:
            raise OptionError(
                f"{dataset.title} doesn't say which points of {pair.category} are left and right "
                "of each other, so that a mirrored source would mix them up",
                hint="go without pose alignment, or accept mirrored parts where left and right "
                "may be exchanged",
            )
