"""The recipe of a combination: which layers, how they are reduced, what they weigh."""

import hashlib
import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy.typing as npt

from ..errors import IncomparableFeaturesError, InvalidFeaturesError, OptionError
from ..settings import check_float, check_int, unknown

Layers: TypeAlias = Mapping[str, Mapping[Any, Any]]
"""What layers say of themselves, by "source/layer": the attributes of the groups."""

# What two trees must share, layer by layer, for their features to live in one space.
_IDENTITY = ("model", "revision", "settings", "resampling")
_SHARE = ("components", "share", "channels", "resampling")
# What moves features by their rounding alone, as it is told.
_COMPUTATION = {"precision": "in {}", "weights_variant": "with {} weights"}


@dataclass(frozen=True)
class Part:
    """One layer's share in a recipe."""

    source: str
    layer: str
    components: int | None
    weight: float
    identity: Mapping[str, Any]

    @classmethod
    def of(cls, layer: Mapping[Any, Any], *, components: int | None, weight: float) -> Self:
        """The share of a layer, by what it says of itself."""
        identity = {key: layer[key] for key in _IDENTITY if key in layer}
        return cls(layer["source"], layer["layer"], components, weight, identity)

    @property
    def path(self) -> str:
        """The layer's place in a feature tree: "source/layer"."""
        return f"{self.source}/{self.layer}"

    @property
    def is_direct(self) -> bool:
        """Whether the layer goes to the finest grid of its source in one step."""
        return self.identity.get("resampling") == "direct"


def difference(layers: Layers, others: Layers) -> str | None:
    """In what layers are not in the space of others, in a few words; None if they are in it.

    Both are what layers say of themselves, by "source/layer": `sift/scale_1: step 8 against 4`.
    """
    if list(layers) != list(others):
        return f"the layers {', '.join(layers)} against {', '.join(others)}"
    ours, theirs = _facts(layers), _facts(others)
    for path in layers:
        own, other = ours[path], theirs[path]
        unlike = [
            f"{fact[1]} {reprlib.repr(own.get(fact))} against {reprlib.repr(other.get(fact))}"
            for fact in own | other
            if own.get(fact) != other.get(fact)
        ]
        if unlike:
            return f"{path}: {', '.join(unlike)}"
    return None


def computations(layers: Layers, others: Layers) -> tuple[str, str] | None:
    """How layers and others were computed, by the first that differs; None if in one way.

    As in ("in float16", "in float32"). Such features can be compared: they differ by about 1e-3.
    What one of them does not say is taken for equal.
    """
    for path, ours in layers.items():
        theirs = others.get(path, {})
        ways = [
            (text.format(ours[key]), text.format(theirs[key]))
            for key, text in _COMPUTATION.items()
            if key in ours and key in theirs and ours[key] != theirs[key]
        ]
        if ways:
            return " ".join(way[0] for way in ways), " ".join(way[1] for way in ways)
    return None


def _facts(layers: Layers) -> dict[str, dict[tuple[str, str], Any]]:
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
    first: Layers,
    second: Layers,
    weights: Mapping[str, float],
    components: Mapping[str, int | None],
    *names: str,
) -> None:
    """Raise `IncomparableFeaturesError`, naming what differs, unless the layers are the same.

    Both are what layers say of themselves, with their number of `channels`; `names` are what the
    message calls them. Weights and numbers of components that the call overrides may differ, and
    all weights by one factor.
    """

    def compared(layers: Layers) -> dict[str, dict[Any, Any]]:
        weigh = _weights(layers, weights)
        facts = {path: {**one, "weight": weigh[one["source"]]} for path, one in layers.items()}
        for path, one in facts.items():
            if path in components or one["layer"] in components:
                one.pop("components", None)
        return facts

    unlike = difference(compared(first), compared(second))
    if unlike:
        raise IncomparableFeaturesError(
            f"the features of {' and '.join(names)} can't be compared: {unlike}",
            hint="extract both images with the same descriptor and settings",
        )


def read_recipe(
    layers: Layers, weights: Mapping[str, float], components: Mapping[str, int | None]
) -> dict[str, list[Part]]:
    """The layers by source, out of what they say of themselves and what the call overrides."""
    sources = list(dict.fromkeys(one["source"] for one in layers.values()))
    for source in weights:
        if source not in sources:
            raise unknown("source in weights", source, sources)
    for layer in components:
        if layer not in layers and layer not in {one["layer"] for one in layers.values()}:
            raise unknown("layer in components", layer, layers)
    recipe: dict[str, list[Part]] = {source: [] for source in sources}
    weigh = _weights(layers, weights)
    for path, one in layers.items():
        source, layer = one["source"], one["layer"]
        count = components.get(path, components.get(layer, one.get("components")))
        if count is not None:
            count = check_int(f"components of {path}", count, minimum=1)
        if source not in weights and one["weight"] != weigh[source]:
            raise InvalidFeaturesError(f"the layers of {source} have different weights")
        recipe[source].append(Part.of(one, components=count, weight=weigh[source]))
    recipe = {source: parts for source, parts in recipe.items() if parts[0].weight > 0}
    if not recipe:
        raise OptionError("every weight is 0", hint="give at least one source a weight above 0")
    return recipe


def _weights(layers: Layers, weights: Mapping[str, float]) -> dict[str, float]:
    """The weight of each source: that of the call, or else that of its layers."""
    defaults = {one["source"]: one["weight"] for one in layers.values()}
    return {
        source: check_float(f"weight of {source}", weights.get(source, weight), minimum=0)
        for source, weight in defaults.items()
    }


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Each source's share of a cell's length, to six digits: float32 tells hardly more apart."""
    total = math.hypot(*weights.values()) or 1.0
    return {source: round(weight / total, 6) for source, weight in weights.items()}


def digest_of(mean: npt.NDArray[Any], axes: npt.NDArray[Any]) -> str:
    """The identity of a projection, float32 mean and axes, as a hex digest."""
    return hashlib.sha256(mean.tobytes() + axes.tobytes()).hexdigest()


def basis_of(recipe: Mapping[str, Sequence[Part]], digests: Sequence[str]) -> str:
    """The identity of the space that the maps live in, by those of its projections: hex digests."""
    shares = _shares({source: parts[0].weight for source, parts in recipe.items()})
    layers = [
        [part.path, part.components, shares[part.source], dict(part.identity)]
        for parts in recipe.values()
        for part in parts
    ]
    text = json.dumps([layers, digests], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
