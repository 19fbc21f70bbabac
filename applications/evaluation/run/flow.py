"""The work on pairs with a dense flow: where each cell of one image lies in the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ....descriptors.features.grids import bilinear_weights
from ....matchers import Matcher
from .features import Folders
from .journal import Arrays
from .listing import Listed, batches
from .maps import Maps
from .predictions import joined, ragged

_ABOUT = {
    "start_x": "x of the cell's centre, in the image that the flow lies on",
    "start_y": "y of the cell's centre, in the image that the flow lies on",
    "end_x": "x of its place in the other image",
    "end_y": "y of its place in the other image",
}


class FlowWork:
    """Asks a matcher for every cell of the image that the true flow lies on.

    With `on_target` that is the target, as in TSS, else the source.
    """

    def __init__(self, matcher: Matcher, maps: Maps, folders: Folders, *, on_target: bool) -> None:
        self.matcher = matcher
        self.name = repr(matcher)
        self.maps = maps
        self.folders = folders
        self.on_target = on_target

    def run(self, pairs: Sequence[Listed]) -> list[Arrays]:
        """For each pair the cells of the image that the flow lies on, and where they are found.

        `y` and `x` (float64) are the centres of the cells; over (y, x) are `end_x` and `end_y`
        (float32, pixels of the other image, NaN where unmatched) and `score` (float32).
        """
        answers: list[Arrays] = []
        for pair in pairs:
            folder = self.folders.upright[pair.category]
            sides = self.maps.together((folder, pair.source), (folder, pair.target))
            start, end = sides[::-1] if self.on_target else sides
            cells = self.matcher(start.fmap, end.fmap)
            answers.append(
                {
                    "y": start.fmap.grid.y,
                    "x": start.fmap.grid.x,
                    "end_x": cells["target_x"].values.astype(np.float32),
                    "end_y": cells["target_y"].values.astype(np.float32),
                    "score": cells["score"].values,
                }
            )
        return answers

    def batches(self, pairs: Sequence[Listed]) -> list[list[int]]:
        """Pair by pair, target by target."""
        return batches(pairs, 1)

    def variables(self, pairs: Sequence[Listed], answers: Sequence[Arrays]) -> dict[str, Any]:
        """The cells of all pairs one after the other, along `cell`."""
        grids = [np.meshgrid(one["x"], one["y"]) for one in answers]
        flat = [
            {name: one[name].ravel() for name in ("end_x", "end_y", "score")} for one in answers
        ]
        starts = [{"start_x": x.ravel(), "start_y": y.ravel()} for x, y in grids]
        variables: dict[str, Any] = {
            "cells": (
                "pair",
                np.array([one["end_x"].size for one in answers], dtype=np.int64),
                ragged("cell"),
            ),
            "rows": ("pair", np.array([len(one["y"]) for one in answers], dtype=np.int64)),
        }
        for name, about in _ABOUT.items():
            listed = starts if name.startswith("start") else flat
            values = joined(listed, name, np.float64 if listed is starts else np.float32)
            variables[name] = ("cell", values, {"units": "pixel", "long_name": about})
        variables["score"] = (
            "cell",
            joined(flat, "score", np.float32),
            {"units": "1", "long_name": "cosine similarity"},
        )
        return variables


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
    answered = np.isfinite(end_x) & np.isfinite(end_y)
    layers = [
        answered.astype(np.float64),
        np.where(answered, end_x - start_x, 0.0),
        np.where(answered, end_y - start_y[:, None], 0.0),
    ]
    down, across = (
        bilinear_weights(centres, np.arange(count, dtype=np.float64), np.float64).numpy()
        for centres, count in zip((start_y, start_x), size, strict=True)
    )
    share, flow_x, flow_y = (down @ layer @ across.T for layer in layers)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([flow_x / share, flow_y / share], axis=-1)
