"""The work on pairs with a dense flow: where each cell of one image lies in the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ....descriptors.features.grids import bilinear_weights
from ..datasets.pair import Pair
from .journal import Arrays
from .predictions import PIXEL, SCORE, joined, ragged
from .work import Work

_ABOUT = {
    "start_x": "x of the cell's centre, in the image that the flow lies on",
    "start_y": "y of the cell's centre, in the image that the flow lies on",
    "end_x": "x of its place in the other image",
    "end_y": "y of its place in the other image",
}


class FlowWork(Work):
    """Asks a matcher for every cell of the image that the true flow lies on."""

    def run(self, pairs: Sequence[Pair]) -> list[Arrays]:
        """For each pair the cells of the image that the flow lies on, and their places.

        `y` and `x` (float64) are the centres of the cells; over (y, x) are `end_x` and `end_y`
        (float32, pixels of the other image, NaN where unmatched) and `score` (float32).
        """
        return list(map(self._one, pairs))

    def variables(self, pairs: Sequence[Pair], answers: Sequence[Arrays]) -> dict[str, Any]:
        """The cells of all pairs one after the other, along `cell`."""
        grids = [np.meshgrid(one["x"], one["y"]) for one in answers]
        starts: list[Arrays] = [{"start_x": x, "start_y": y} for x, y in grids]
        columns = {
            name: joined(starts, name, np.float64)
            if name.startswith("start")
            else joined(answers, name, np.float32)
            for name in _ABOUT
        }
        return {
            "cells": ragged("cell", [one["end_x"].size for one in answers]),
            "rows": ("pair", np.array([len(one["y"]) for one in answers], dtype=np.int64)),
            **{
                name: ("cell", values, {**PIXEL, "long_name": _ABOUT[name]})
                for name, values in columns.items()
            },
            "score": ("cell", joined(answers, "score", np.float32), SCORE),
        }

    def _one(self, pair: Pair) -> Arrays:
        folder = self.folders.upright[pair.category]
        sides = self.maps.together((folder, pair.source.key), (folder, pair.target.key))
        start, end = sides[::-1] if self.dataset.flow_lies_on == "target" else sides
        cells = self.matcher(start.fmap, end.fmap)
        return {
            "y": start.fmap.grid.y,
            "x": start.fmap.grid.x,
            "end_x": cells["target_x"].values.astype(np.float32),
            "end_y": cells["target_y"].values.astype(np.float32),
            "score": cells["score"].values,
        }


def pixel_flow(
    start_y: npt.NDArray[np.float64],
    start_x: npt.NDArray[np.float64],
    end_y: npt.NDArray[Any],
    end_x: npt.NDArray[Any],
    size: tuple[int, int],
) -> npt.NDArray[np.float64]:
    """The flow at every pixel: the displacement of the cells, read bilinearly between them.

    As in "A Tale of Two Features" on TSS, but by the coordinates of the cells, so that no pixel is
    shifted. Beyond the outermost centres the nearest cells count alone; cells without an answer
    don't count.

    `start_y` (row,) and `start_x` (column,) are the centres of the cells in pixels of the image
    that the flow lies on, `end_y` and `end_x` (row, column) their places in the other image, NaN
    where unmatched; `size` is height and width. Gives (height, width, 2), displacement along x and
    y in pixels, NaN where no cell counts.
    """
    matched = np.isfinite(end_x) & np.isfinite(end_y)
    layers = [
        matched.astype(np.float64),
        np.where(matched, end_x - start_x, 0.0),
        np.where(matched, end_y - start_y[:, None], 0.0),
    ]
    down, across = (
        bilinear_weights(centres, np.arange(count, dtype=np.float64), np.float64).numpy()
        for centres, count in zip((start_y, start_x), size, strict=True)
    )
    share, flow_x, flow_y = (down @ layer @ across.T for layer in layers)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([flow_x / share, flow_y / share], axis=-1)
