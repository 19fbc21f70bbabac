"""The work on pairs with known points: where each point of the source lies in the target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...descriptors.sampling import Interpolation
from ...matchers import Cells, Matcher, Partners
from ...matchers.correspondences import check_partners
from .extraction import Folders
from .listing import Listed
from .maps import Maps, Side
from .packing import Arrays
from .predictions import point_variables

BATCH = 64
"""Pairs of one target whose points are looked for at once, at most."""


class PointWork:
    """Asks a matcher for the points of pairs.

    Parameters
    ----------
    matcher:
        Any matcher.
    interpolation:
        How the features of a point are read from the map of the source.
    maps:
        Where feature maps come from.
    folders:
        Where features lie.
    most:
        How many pairs of one target are asked for at once, at most: more than one only where the
        target's map is the same in all of them, and the matcher doesn't look at the source.
    """

    def __init__(
        self,
        matcher: Matcher,
        interpolation: Interpolation,
        maps: Maps,
        folders: Folders,
        *,
        most: int = 1,
    ) -> None:
        self.matcher = matcher
        self.interpolation = interpolation
        self.maps = maps
        self.folders = folders
        self.most = most
        self._name = repr(matcher)

    def run(self, pairs: Sequence[Listed]) -> list[Arrays]:
        """Where the common points of these pairs, which have one target, are found.

        For each pair `target_x`, `target_y` (float64, NaN where unmatched), `score` (float32) and
        `matched` (bool), all (point,).
        """
        asked = [pair for pair in pairs if len(pair.source_points)]
        if not asked:
            return [check_partners(Partners.none(), 0, self._name) for _ in pairs]
        found = self._one(asked[0]) if len(asked) == 1 else self._together(asked)
        ends = np.cumsum([len(pair.source_points) for pair in pairs])
        return [
            {name: values[end - len(pair.source_points) : end] for name, values in found.items()}
            for pair, end in zip(pairs, ends.tolist(), strict=True)
        ]

    def variables(self, pairs: Sequence[Listed], found: Sequence[Arrays]) -> dict[str, Any]:
        """The points of all pairs one after the other, along `point`: asked, true, found."""
        return point_variables(pairs, found)

    def _one(self, pair: Listed) -> dict[str, npt.NDArray[Any]]:
        folder = self.folders.upright[pair.category]
        source, target = self.maps.pair(pair.source, pair.target, folder)
        query = self._query(source, pair)
        partners = self.matcher.match(query, source.cells, target.cells)
        return check_partners(partners, len(query), self._name)

    def _together(self, pairs: Sequence[Listed]) -> dict[str, npt.NDArray[Any]]:
        folder = self.folders.upright[pairs[0].category]
        target = self.maps.alone(folder, pairs[0].target)
        query = _join([self._query(self.maps.alone(folder, pair.source), pair) for pair in pairs])
        partners = self.matcher.match(query, query, target.cells)
        return check_partners(partners, len(query), self._name)

    def _query(self, source: Side, pair: Listed) -> Cells:
        return source.at(source.inside(pair.source_points), self.interpolation)


def _join(queries: Sequence[Cells]) -> Cells:
    """The queries of several sources as one, without their places, which say nothing together."""
    features = torch.cat([query.features for query in queries], dim=1)
    nowhere = torch.zeros(features.shape[1])
    return Cells(features, nowhere.long(), nowhere.double(), nowhere.double(), (0, 0))
