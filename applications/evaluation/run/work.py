"""What a run does with pairs, whatever is true of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ....matchers import Matcher
from ..datasets import Dataset
from ..datasets.pair import Pair
from .features import Folders
from .journal import Arrays
from .listing import batches
from .maps import Maps


@dataclass(frozen=True, eq=False)
class Work(ABC):
    """The work on pairs of one kind of truth, with maps out of the features in the folders."""

    dataset: Dataset
    matcher: Matcher
    maps: Maps
    folders: Folders

    @property
    def name(self) -> str:
        """The `repr` of what finds the answers."""
        return repr(self.matcher)

    def batches(self, pairs: Sequence[Pair]) -> list[list[int]]:
        """Places among the pairs that are worked on together, in the order of work.

        They depend on the pairs alone.
        """
        return batches(pairs, 1)

    @abstractmethod
    def run(self, pairs: Sequence[Pair]) -> list[Arrays]:
        """The answers for the pairs of one batch, one for each."""

    @abstractmethod
    def variables(self, pairs: Sequence[Pair], answers: Sequence[Arrays]) -> dict[str, Any]:
        """The answers of all pairs, one after the other, as variables of the predictions."""
