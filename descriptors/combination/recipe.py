"""The recipe of a combination: which layers, how they are reduced, what they weigh."""

import hashlib
import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from ..errors import IncomparableFeaturesError, InvalidFeaturesError, OptionError
from ..features.tree import tree_layers
from ..settings import check_float, check_int, unknown
from .pca import Projection

# What two trees must share, layer by layer, for their features to live in one space.
_IDENTITY = ("model", "revision", "settings", "resampling")
_SHARE = ("components", "share", "channels", "resampling")
# What moves features by their rounding alone, as it is told.
_COMPUTATION = {"precision": "in {}", "weights_variant": "with {} weights"}


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

    @property
    def is_direct(self) -> bool:
        """Whether the layer goes to the finest grid of its source in one step."""
        return self.identity.get("resampling") == "direct"


def difference(
    layers: Mapping[str, Mapping[Any, Any]], others: Mapping[str, Mapping[Any, Any]]
) -> str | None:
    """In what layers are not in the space of others, in a few words; None if they are in it.

    Both are what layers say of themselves, by "source/layer": `sift/scale_1: step 8 against 4`.
    """
    if list(layers) != list(others):
        return f"the layers {', '.join(layers)} against {', '.join(others)}"
    ours, theirs = _facts(layers), _facts(others)
    for path in layers:
        unlike = [
            f"{name} {reprlib.repr(ours[path].get((kind, name)))} against "
            f"{reprlib.repr(theirs[path].get((kind, name)))}"
            for kind, name in {**ours[path], **theirs[path]}
            if ours[path].get((kind, name)) != theirs[path].get((kind, name))
        ]
        if unlike:
            return f"{path}: {', '.join(unlike)}"
    return None


def computations(
    layers: Mapping[str, Mapping[Any, Any]], others: Mapping[str, Mapping[Any, Any]]
) -> tuple[str, str] | None:
    """How layers and others were computed, by the first that differs; None if in one way.

    As in ("in float16", "in float32"), by the precision and the variant of the weights. Such
    features can be compared: they differ by about 1e-3. What one of them does not say is taken
    for equal.
    """
    for path, ours in layers.items():
        theirs = others.get(path, {})
        ways = [
            (text.format(ours[key]), text.format(theirs[key]))
            for key, text in _COMPUTATION.items()
            if key in ours and key in theirs and ours[key] != theirs[key]
        ]
        if ways:
            first, second = (" ".join(way) for way in zip(*ways, strict=True))
            return first, second
    return None


def _facts(layers: Mapping[str, Mapping[Any, Any]]) -> dict[str, dict[tuple[str, str], Any]]:
    """All that each layer's features and its share in a map depend on."""
    shares = _shares({one["source"]: float(one["weight"]) for one in layers.values()})
    facts = {}
    for path, attributes in layers.items():
        share = shares[attributes["source"]]
        about = {"resampling": "cascade", **attributes, "share": share}
        facts[path] = {("", key): about.get(key) for key in ("model", "revision", *_SHARE)}
        facts[path] |= {("set", key): one for key, one in json.loads(about["settings"]).items()}
    return facts


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

    def compared(tree: xr.DataTree) -> dict[str, dict[Any, Any]]:
        nodes = tree_layers(tree)
        weigh = _weights(nodes, weights)
        layers = {}
        for path, node in nodes.items():
            source, layer = node.attrs["source"], node.attrs["layer"]
            layers[path] = {
                **node.attrs,
                "channels": node["features"].sizes["channel"],
                "weight": weigh[source],
            }
            if path in components or layer in components:
                layers[path].pop("components", None)
        return layers

    unlike = difference(compared(first), compared(second))
    if unlike:
        raise IncomparableFeaturesError(
            f"the features of {first.attrs['image_name']} and {second.attrs['image_name']} can't "
            f"be compared: {unlike}",
            hint="extract both images with the same descriptor and settings",
        )


def read_recipe(
    tree: xr.DataTree, weights: Mapping[str, float], components: Mapping[str, int | None]
) -> dict[str, list[Part]]:
    """The layers by source, with what the call overrides."""
    nodes = tree_layers(tree)
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
                identity={key: node.attrs[key] for key in _IDENTITY if key in node.attrs},
            )
        )
    recipe = {source: parts for source, parts in recipe.items() if parts[0].weight > 0}
    if not recipe:
        raise OptionError("every weight is 0", hint="give at least one source a weight above 0")
    return recipe


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
