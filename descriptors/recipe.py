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
    ours, theirs = (_facts(tree, weights, components) for tree in (first, second))
    for fact in {**ours, **theirs}:
        if ours.get(fact) != theirs.get(fact):
            raise IncomparableFeaturesError(
                f"the features of {first.attrs['image_name']} and {second.attrs['image_name']} "
                f"can't be compared: {fact}{ours.get(fact)!r} in one and {theirs.get(fact)!r} in "
                "the other",
                hint="extract both images with the same descriptor and settings",
            )


def _facts(
    tree: xr.DataTree, weights: Mapping[str, float], components: Mapping[str, int | None]
) -> dict[str, Any]:
    """All that must be the same for features to live in one space, by the words for it."""
    layers = tree_layers(tree)
    facts: dict[str, Any] = {"the layers are ": list(layers)}
    for source, share in _shares(_weights(layers, weights)).items():
        facts[f"by its weight, the share of {source} is "] = share
    for path, node in layers.items():
        facts |= {f"{path} has {key} ": node.attrs[key] for key in ("model", "revision")}
        if path not in components and node.attrs["layer"] not in components:
            facts[f"{path} has components "] = node.attrs.get("components")
        made_with = sorted(json.loads(node.attrs["settings"]).items())
        facts |= {f"{path} was made with {key}=": value for key, value in made_with}
        facts[f"{path} has channels "] = node["features"].sizes["channel"]
    return facts


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
    """Each source's share of a cell's length, to six digits: float32 tells hardly more apart."""
    total = math.hypot(*weights.values()) or 1.0
    return {source: round(weight / total, 6) for source, weight in weights.items()}


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
