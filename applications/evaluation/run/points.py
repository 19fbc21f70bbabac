"""The work on pairs with points: where each point of the source lies in the target."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ....matchers import Cells, Partners
from ....matchers.correspondences import check_partners
from ...pose import align_cells
from ..datasets.pair import Pair
from .journal import Arrays
from .listing import batches
from .maps import Side
from .pixels import best_pixels
from .predictions import PIXEL, SCORE, joined, ragged, words
from .work import Work

BATCH = 64
"""Pairs of one target whose points are looked for at once, at most."""
_ABOUT: Mapping[str, Mapping[str, str]] = {
    "source_x": {**PIXEL, "long_name": "x of the point in the source image"},
    "source_y": {**PIXEL, "long_name": "y of the point in the source image"},
    "true_x": {**PIXEL, "long_name": "x of the true place in the target image"},
    "true_y": {**PIXEL, "long_name": "y of the true place in the target image"},
    "target_x": {**PIXEL, "long_name": "x of the point in the target image"},
    "target_y": {**PIXEL, "long_name": "y of the point in the target image"},
    "score": SCORE,
    "matched": {"long_name": "whether the matcher gave an answer"},
    "mirrored": {"long_name": "whether the point was looked for in the mirror image"},
}


class PointWork(Work):
    """Asks a matcher for the common points of pairs."""

    def batches(self, pairs: Sequence[Pair]) -> list[list[int]]:
        """Runs of pairs with one target, target by target.

        There are several pairs in a run only where the target's map is the same in all of them, and
        the matcher doesn't look at the source.
        """
        first = pairs[0]
        alone = (
            self.maps.settings.align_pose
            or self.matcher.uses_source
            or self.maps.is_joint(self.folders.upright[first.category], first.source.key)
        )
        return batches(pairs, 1 if alone else BATCH)

    def run(self, pairs: Sequence[Pair]) -> list[Arrays]:
        """Where the common points of these pairs, which have one target, are found.

        For each pair `target_x`, `target_y` (float64, NaN where unmatched), `score` (float32) and
        `matched` (bool), all (point,), and `mirrored` (bool) where poses are aligned.
        """
        queries = [pair for pair in pairs if len(pair.source_points)]
        if not queries:
            none = {**check_partners(Partners.none(), 0, self.name), "mirrored": np.empty(0, bool)}
            return [none for _ in pairs]
        align = self.maps.settings.align_pose
        answers = self._aligned(queries[0]) if align else self._as_they_are(queries)
        ends = np.cumsum([len(pair.source_points) for pair in pairs])
        return [
            {name: values[end - len(pair.source_points) : end] for name, values in answers.items()}
            for pair, end in zip(pairs, ends.tolist(), strict=True)
        ]

    def variables(self, pairs: Sequence[Pair], answers: Sequence[Arrays]) -> dict[str, Any]:
        """The points of all pairs one after the other, along `point`, with truth and answers."""
        counts = [len(pair.source_points) for pair in pairs]
        names = [
            pair.common_names or ("",) * count for pair, count in zip(pairs, counts, strict=True)
        ]
        columns: dict[str, npt.NDArray[Any]] = {}
        for of, points in (("source", "source_points"), ("true", "target_points")):
            table = np.concatenate([np.empty((0, 2)), *(getattr(pair, points) for pair in pairs)])
            columns |= {f"{of}_x": table[:, 0], f"{of}_y": table[:, 1]}
        dtypes: dict[str, Any] = {"target_x": np.float64, "target_y": np.float64}
        dtypes |= {"score": np.float32, "matched": np.bool_}
        if self.maps.settings.align_pose:
            dtypes["mirrored"] = np.bool_
        columns |= {name: joined(answers, name, dtype) for name, dtype in dtypes.items()}
        return {
            "points": ragged("point", counts),
            "point_name": ("point", words([name for of_pair in names for name in of_pair])),
            **{name: ("point", values, _ABOUT[name]) for name, values in columns.items()},
        }

    def _as_they_are(self, pairs: Sequence[Pair]) -> dict[str, npt.NDArray[Any]]:
        folder = self.folders.upright[pairs[0].category]
        if len(pairs) == 1:
            keys = pairs[0].source.key, pairs[0].target.key
            source, target = self.maps.together(*((folder, key) for key in keys))
            return self._match(source.at(pairs[0].source_points), source.cells, target)
        target = self.maps.alone(folder, pairs[0].target.key)
        # One source at a time: all of them would take memory that nothing bounds.
        query = Cells.joined(
            [self.maps.alone(folder, pair.source.key).at(pair.source_points) for pair in pairs]
        )
        return self._match(query, query, target)

    def _aligned(self, pair: Pair) -> dict[str, npt.NDArray[Any]]:
        folder = self.folders.upright[pair.category]
        source, target, mirror = self.maps.together(
            (folder, pair.source.key),
            (folder, pair.target.key),
            (self.folders.mirrored[pair.category], pair.source.key),
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
