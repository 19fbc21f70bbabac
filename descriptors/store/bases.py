"""Bases as files: one group per layer with its projection, and what the basis is made of."""

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..combination.recipe import Part
from ..errors import FeatureFileError
from .forms import BASES
from .groups import Array, Group
from .sealed import Contents, read_sealed, write_sealed

if TYPE_CHECKING:
    from ..combination.basis import Basis

_MOST_CHANNELS = 1 << 20


def save_basis(basis: "Basis", path: str | os.PathLike[str]) -> None:
    """Write a basis to a file, whole or not at all; see `Basis.save`."""
    contents = {
        "finest": basis.finest,
        "layers": basis.layers,
        "recipe": {
            source: [[part.layer, part.components, part.weight] for part in parts]
            for source, parts in basis.recipe.items()
        },
    }
    text = json.dumps(contents, default=lambda number: number.item())
    groups = {"/": BASES.root(identity=basis.identity, contents=text)}
    for place, projection in basis.projections.items():
        source = f"/{place.partition('/')[0]}"
        groups.setdefault(source, Group(source, {}))
        arrays = {
            "axes": Array(("channel", "component"), projection.axes.cpu().numpy()),
            "mean": Array(("channel",), projection.mean.cpu().numpy()),
        }
        groups[f"/{place}"] = Group(f"/{place}", {}, arrays)
    write_sealed(path, list(groups.values()), BASES, lossless=True)


def load_basis(path: str | os.PathLike[str]) -> "Basis":
    """The basis that a file holds; see `Basis.load`."""
    import torch

    from ..combination.basis import Basis
    from ..combination.pca import Projection

    contents = read_sealed(path, BASES)
    with contents.guard():
        recipe, arrays, layers, finest = basis_contents(contents)
        projections = {
            path: Projection(*(torch.from_numpy(np.array(one, np.float32)) for one in both))
            for path, both in arrays.items()
        }
        basis = Basis(recipe, projections, layers, finest)
    if basis.identity != contents.attributes.get("identity"):
        raise FeatureFileError(
            f"{contents.path}: is damaged: its numbers are not those of its identity",
            hint=BASES.again,
        )
    return basis


def basis_contents(
    contents: Contents,
) -> tuple[dict[str, list[Part]], dict[str, tuple[Any, Any]], dict[str, dict[str, Any]], str]:
    """What a `Basis` is made of, with mean and axes in the place of each projection."""
    about = json.loads(contents.attributes["contents"])
    layers = {str(path): dict(layer) for path, layer in about["layers"].items()}
    if not all(0 < layer["channels"] <= _MOST_CHANNELS for layer in layers.values()):
        raise ValueError("channels that no network has")
    recipe = {
        source: [
            Part.of(layers[f"{source}/{layer}"], components=components, weight=float(weight))
            for layer, components, weight in parts
        ]
        for source, parts in about["recipe"].items()
    }
    every = [part for parts in recipe.values() for part in parts]
    if sum(layers[part.path]["channels"] for part in every) > _MOST_CHANNELS:
        raise ValueError("channels that no networks have together")
    projections = {}
    for path in (part.path for part in every if part.components is not None):
        arrays = contents.groups[f"/{path}"].arrays
        mean, axes = arrays["mean"].values, arrays["axes"].values
        if mean.shape != (layers[path]["channels"],) or axes.shape[:-1] != mean.shape:
            raise ValueError("a projection of another shape")
        projections[path] = mean, axes
    if about["finest"] not in layers or not recipe or not all(recipe.values()):
        raise ValueError("no layer")
    return recipe, projections, layers, about["finest"]
