"""What work costs before it begins: layers and weights of descriptors, and memory."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console.errors import say
from .choice import parts_of
from .inputs import Input
from .settings import signature_of

if TYPE_CHECKING:
    from ...descriptors import Descriptor

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
    from ...descriptors import REGISTRY
    from ...descriptors.weights import RECIPES, find_models

    if name not in REGISTRY.builtin:
        # A class of somebody else's may mean other things by the same options.
        return Costs((), 0, 0)
    models = find_models(name) if name in RECIPES else ()
    parts = parts_of(kind)
    if parts:
        layers = [layer for part, inner in parts.items() for layer in costs_of(part, inner).layers]
    else:
        stated = getattr(kind, "layers", ())
        layers = [layer.name for layer in stated] or _layers(_defaults(kind))
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


def say_memory(
    what: str,
    size: int,
    inputs: Sequence[Input],
    descriptor: "Descriptor | None",
    *others: "Descriptor",
) -> None:
    """Say on standard error what memory work takes beside what is held already.

    `size` is what it takes in bytes once features are there; `descriptor` extracts the photographs
    among the inputs, and the networks of `others` are loaded for it, too.
    """
    from rich.filesize import decimal

    for part in _backbones(descriptor):
        if part.torch_device.type == "cpu":
            for one in inputs:
                canvas = None if one.has_features else part.canvas(one.height, one.width)
                if canvas is not None:
                    size = max(size, part.working_memory(canvas.y.length, canvas.x.length))
    weights = weights_bytes(descriptor, *others)
    besides = f", and {decimal(weights)} for weights" if weights else ""
    say(f"memory: about {decimal(size)} for {what}{besides}")


def weights_bytes(*descriptors: "Descriptor | None") -> int:
    """How many bytes the weights of these descriptors take at most, in their precision."""
    files: dict[Path, float] = {}
    for part in (part for one in descriptors for part in _backbones(one)):
        for one in (part, getattr(part, "image_captioner", None)):
            if (checkpoint := getattr(one, "checkpoint", None)) is None:
                continue
            itemsize = getattr(getattr(one, "torch_dtype", None), "itemsize", 4)
            share = itemsize / (4 if checkpoint.precision == "float32" else 2)
            files |= {path: share for paths in checkpoint.weights.values() for path in paths}
    return round(sum(share * path.stat().st_size for path, share in files.items()))


def _backbones(descriptor: "Descriptor | None") -> Iterator[Any]:
    """The networks that a descriptor consists of, if there is one."""
    from ...descriptors import Backbone

    if isinstance(descriptor, Backbone):
        yield descriptor
    for part in getattr(descriptor, "parts", ()):
        yield from _backbones(part)
