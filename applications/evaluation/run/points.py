"""The work on pairs with known points: where each point of the source lies in the target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ....matchers import Cells, Matcher, Partners
from ....matchers.correspondences import check_partners
from ...pose import align_cells
from .features import FeatureFolder, Folders
from .journal import Arrays
from .listing import Listed, batches
from .maps import Maps, Side
from .pixels import best_pixels
from .predictions import joined, point_variables

BATCH = 64
"""Pairs of one target whose points are looked for at once, at most."""


class PointWork:
    """Asks a matcher for the points of pairs, of at most `most` pairs of one target at once.

    They are more than one only where the target's map is the same in all of them, and the matcher
    doesn't look at the source.
    """

    def __init__(self, matcher: Matcher, maps: Maps, folders: Folders, *, most: int = 1) -> None:
        self.matcher = matcher
        self.maps = maps
        self.folders = folders
        self.align_pose = maps.settings.align_pose
        self.most = 1 if self.align_pose else most
        self.name = repr(matcher)

    def run(self, pairs: Sequence[Listed]) -> list[Arrays]:
        """Where the common points of these pairs, which have one target, are found.

        For each pair `target_x`, `target_y` (float64, NaN where unmatched), `score` (float32) and
        `matched` (bool), all (point,).
        """
        queries = [pair for pair in pairs if len(pair.source_points)]
        if not queries:
            none = {**check_partners(Partners.none(), 0, self.name), "mirrored": np.empty(0, bool)}
            return [none for _ in pairs]
        answers = self._one(queries[0]) if len(queries) == 1 else self._together(queries)
        ends = np.cumsum([len(pair.source_points) for pair in pairs])
        return [
            {name: values[end - len(pair.source_points) : end] for name, values in answers.items()}
            for pair, end in zip(pairs, ends.tolist(), strict=True)
        ]

    def batches(self, pairs: Sequence[Listed]) -> list[list[int]]:
        """Runs of pairs with one target, target by target."""
        return batches(pairs, self.most)

    def variables(self, pairs: Sequence[Listed], answers: Sequence[Arrays]) -> dict[str, Any]:
        """The points of all pairs one after the other, along `point`, with truth and answers."""
        variables = point_variables(pairs, answers)
        if self.align_pose:
            variables["mirrored"] = (
                "point",
                joined(answers, "mirrored", np.bool_),
                {"long_name": "whether the point was looked for in the mirror image"},
            )
        return variables

    def _one(self, pair: Listed) -> dict[str, npt.NDArray[Any]]:
        folder = self.folders.upright[pair.category]
        if self.align_pose:
            return self._aligned(pair, folder)
        source, target = self.maps.together((folder, pair.source), (folder, pair.target))
        return self._match(source.at(pair.source_points), source.cells, target)

    def _together(self, pairs: Sequence[Listed]) -> dict[str, npt.NDArray[Any]]:
        folder = self.folders.upright[pairs[0].category]
        target = self.maps.alone(folder, pairs[0].target)
        query = Cells.joined(
            [self.maps.alone(folder, pair.source).at(pair.source_points) for pair in pairs]
        )
        return self._match(query, query, target)

    def _aligned(self, pair: Listed, folder: FeatureFolder) -> dict[str, npt.NDArray[Any]]:
        source, target, mirror = self.maps.together(
            (folder, pair.source),
            (folder, pair.target),
            (self.folders.mirrored[pair.category], pair.source),
        )
        aligned = align_cells(source.cells, mirror.cells, target.cells)
        places = pair.source_points if pair.mirrored_points is None else pair.mirrored_points
        # What can't be seen in the mirror image is looked for in the source as it is.
        turned = np.asarray(np.isfinite(places).all(axis=1)) & aligned.mirrored
        answers: dict[str, npt.NDArray[Any]] = {"mirrored": turned}
        for side, which, at in ((source, ~turned, pair.source_points), (mirror, turned, places)):
            if not which.any():
                continue
            query = side.at(at[which], mirrored=side is mirror)
            for name, values in self._match(query, side.cells, target).items():
                answers.setdefault(name, np.empty(len(turned), values.dtype))[which] = values
        return answers

    def _match(self, query: Cells, source: Cells, target: Side) -> dict[str, npt.NDArray[Any]]:
        if target.settings.points == "dift":
            grid = target.fmap.grid
            partners = best_pixels(query.features, target.features, grid, *target.size)
        else:
            partners = self.matcher.match(query, source, target.cells)
        return check_partners(partners, len(query), self.name)
