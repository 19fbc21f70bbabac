"""What a descriptor costs before its first image: layers, download and memory of its weights."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .choice import parts_of
from .settings import signature_of

_BLOCKS = {"small": 12, "base": 12, "large": 24, "giant": 40}
"""Blocks of DINOv2 by width (Oquab et al., arXiv:2304.07193, appendix)."""


@dataclass(frozen=True)
class Costs:
    """What a descriptor with its default settings makes and takes.

    `layers` are empty where they are not known without making one. `download` is the bytes of the
    weights as they are published, 0 for none that are known, and `memory` those of all of them in
    float32. In 16 bits they take half of it, and parts that the layers don't need are not loaded.
    """

    layers: tuple[str, ...]
    download: int
    memory: int


def costs_of(name: str, kind: Callable[..., Any]) -> Costs:
    """What the descriptor of this name, made by `kind`, costs."""
    from ..descriptors import REGISTRY
    from ..descriptors.weights import RECIPES, find_models

    if name not in REGISTRY.builtin:
        # A class of somebody else's may mean other things by the same options.
        return Costs((), 0, 0)
    models = find_models(name) if name in RECIPES else ()
    parts = parts_of(kind)
    if parts:
        layers = [layer for part, inner in parts.items() for layer in costs_of(part, inner).layers]
    else:
        layers = _layers(_defaults(kind))
    return Costs(
        tuple(layers),
        sum(model.size for model in models),
        sum(model.full_size for model in models),
    )


def _defaults(kind: Callable[..., Any]) -> dict[str, Any]:
    return {
        name: one.default
        for name, one in signature_of(kind).parameters.items()
        if one.default is not inspect.Parameter.empty
    }


def _layers(defaults: Mapping[str, Any]) -> list[str]:
    """The layers that the default settings of a built-in descriptor stand for."""
    if "layers" in defaults:
        layers = defaults["layers"]
        return [layers] if isinstance(layers, str) else list(layers)
    if "facet" in defaults:
        width = next((word for word in defaults["model"].split("-") if word in _BLOCKS), None)
        block = defaults["layer"]
        if block is None and width is not None:
            block = _BLOCKS[width] - 1
        return [f"{defaults['facet']} of block {block}"]
    return [f"scale_{scale:g}" for scale in defaults.get("scales", ())]
