"""How many of the best images of an exact search are found by candidates, as measured."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from ...descriptors.features.tensors import FeatureMap

ACROSS = 1, 2, 4
"""Cells across the parts that are looked for, beside whole images."""


def measure_recall(
    maps: Mapping[str, FeatureMap],
    search: Callable[..., xr.Dataset],
    *,
    top: int,
    seed: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """The recall of parts, cut at random places, and of whole images; see `Index.measure_recall`.

    Args:
        maps: The images that are looked for, by name: all of them are in the index.
        search: `Index.search`.
        top, seed, progress: As for `Index.measure_recall`.
    """
    generator = np.random.default_rng(seed)
    shares: dict[str, list[float]] = {f"{across} x {across}": [] for across in ACROSS}
    shares["whole"] = []
    for key, fmap in maps.items():
        parts = {f"{across} x {across}": _box(fmap, across, generator) for across in ACROSS}
        for name, part in {**parts, "whole": {}}.items():
            exact, candidates = (
                [image for image in hits["image"].values.tolist() if image != key][:top]
                for hits in (
                    search(fmap, top=top + 1, exact=exact, **part) for exact in (True, False)
                )
            )
            shares[name].append(len({*exact} & {*candidates}) / max(1, len(exact)))
        progress(key)
    recall = {name: round(float(np.mean(share)), 4) for name, share in shares.items()}
    return {"top": top, "queries": len(maps), "recall": recall}


def _box(fmap: FeatureMap, across: int, generator: np.random.Generator) -> dict[str, Any]:
    """The box around the centres of so many cells across, at a random place, as an option."""
    low, high = [], []
    for side in (fmap.grid.x, fmap.grid.y):
        count = min(across, len(side))
        first = int(generator.integers(len(side) - count + 1))
        low.append(side[first] - 0.25)
        high.append(side[first + count - 1] + 0.25)
    return {"box": (*low, *high)}
