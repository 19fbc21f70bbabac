"""The recipe of a combination: which layers, how they are reduced, what they weigh."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from .errors import IncomparableFeaturesError, InvalidFeaturesError, OptionError
from .pca import Projection
from .settings import check_float, check_int, unknown
from .tree import tree_layers

# What two trees must share, layer by layer, for their features to live in one space.
_IDENTITY = ("model", "revision", "settings")
_DIGITS = 6
"""Of a source's share of a cell: maps in float32 tell hardly more of them apart."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One layer's share in a recipe."""

    source: str
    layer: str
    components: int | None
    weight: float
    identity: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The layer's place in a feature tree: "source/layer"."""
        return f"{self.source}/{self.layer}"


def check_same_space(
    first: xr.DataTree,
    second: xr.DataTree,
    weights: Mapping[str, float],
    components: Mapping[str, int | None],
) -> None:
    """Raise `IncomparableFeaturesError`, naming what differs, unless the layers are the same.

    Weights and numbers of components that the call overrides may differ, and all weights by one
    factor.
    """
    names = f"{first.attrs['image_name']} and {second.attrs['image_name']}"
    ours, theirs = tree_layers(first), tree_layers(second)
    hint = "extract both images with the same descriptor and settings"
    if list(ours) != list(theirs):
        raise IncomparableFeaturesError(
            f"the features of {names} can't be compared: one has the layers "
            f"{', '.join(ours)}, the other {', '.join(theirs)}",
            hint=hint,
        )
    weigh, weigh_there = _weights(ours, weights), _weights(theirs, weights)
    if _shares(weigh) != _shares(weigh_there):
        raise IncomparableFeaturesError(
            f"the features of {names} can't be compared: the weights are {weigh} in one and "
            f"{weigh_there} in the other",
            hint=f"{hint}, or state weights in the call",
        )
    for path, node in ours.items():
        other = theirs[path]
        overridden = path in components or node.attrs["layer"] in components
        for key in ("model", "revision") if overridden else ("model", "revision", "components"):
            if node.attrs.get(key) != other.attrs.get(key):
                raise IncomparableFeaturesError(
                    f"the features of {names} can't be compared: {path} has {key} "
                    f"{node.attrs.get(key)!r} in one and {other.attrs.get(key)!r} in the other",
                    hint=hint,
                )
        mine, its = json.loads(node.attrs["settings"]), json.loads(other.attrs["settings"])
        for key in sorted({*mine, *its}):
            if mine.get(key) != its.get(key):
                raise IncomparableFeaturesError(
                    f"the features of {names} can't be compared: {path} was made with "
                    f"{key}={mine.get(key)!r} in one and {key}={its.get(key)!r} in the other",
                    hint=hint,
                )
        if node["features"].sizes["channel"] != other["features"].sizes["channel"]:
            raise IncomparableFeaturesError(
                f"the features of {names} can't be compared: {path} has "
                f"{node['features'].sizes['channel']} channels in one and "
                f"{other['features'].sizes['channel']} in the other",
                hint=hint,
            )


def read_recipe(
    trees: Sequence[xr.DataTree],
    weights: Mapping[str, float],
    components: Mapping[str, int | None],
) -> dict[str, list[Part]]:
    """The layers by source, each source's finest first, with what the call overrides."""
    nodes = tree_layers(trees[0])
    sources = list(dict.fromkeys(node.attrs["source"] for node in nodes.values()))
    for source in weights:
        if source not in sources:
            raise unknown("source in weights", source, sources)
    for layer in components:
        if layer not in nodes and layer not in {node.attrs["layer"] for node in nodes.values()}:
            raise unknown("layer in components", layer, nodes)
    recipe: dict[str, list[Part]] = {source: [] for source in sources}
    weigh = _weights(nodes, weights)
    for path, node in nodes.items():
        source, layer = node.attrs["source"], node.attrs["layer"]
        wanted = components.get(path, components.get(layer, node.attrs.get("components")))
        if wanted is not None:
            wanted = check_int(f"components of {path}", wanted, minimum=1)
        if source not in weights and node.attrs["weight"] != weigh[source]:
            raise InvalidFeaturesError(f"the layers of {source} have different weights")
        recipe[source].append(
            Part(
                source=source,
                layer=layer,
                components=wanted,
                weight=weigh[source],
                identity={key: node.attrs[key] for key in _IDENTITY},
            )
        )
    recipe = {source: parts for source, parts in recipe.items() if parts[0].weight > 0}
    if not recipe:
        raise OptionError("every weight is 0", hint="give at least one source a weight above 0")
    for parts in recipe.values():
        parts.sort(key=lambda part: -_cells(trees, part.path))
    return recipe


def _cells(trees: Sequence[xr.DataTree], path: str) -> int:
    return sum(tree[path].sizes["y"] * tree[path].sizes["x"] for tree in trees)


def _weights(layers: Mapping[str, xr.Dataset], weights: Mapping[str, float]) -> dict[str, float]:
    """The weight of each source: that of the call, or else that of its layers."""
    stated = {node.attrs["source"]: node.attrs["weight"] for node in layers.values()}
    return {
        source: check_float(f"weight of {source}", weights.get(source, weight), minimum=0)
        for source, weight in stated.items()
    }


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Each source's share of the length of a cell, which a factor of all weights leaves alone."""
    total = math.hypot(*weights.values()) or 1.0
    return {source: round(weight / total, _DIGITS) for source, weight in weights.items()}


def basis_of(recipe: Mapping[str, Sequence[Part]], projections: Sequence[Projection]) -> str:
    """The identity of the space that the maps live in, as a hex digest."""
    shares = _shares({source: parts[0].weight for source, parts in recipe.items()})
    said = [
        [part.path, part.components, shares[part.source], dict(part.identity)]
        for parts in recipe.values()
        for part in parts
    ]
    text = json.dumps([said, [fit.sha256 for fit in projections]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
