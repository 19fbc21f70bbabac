"""Bases as files: one group per layer with its projection, and what the basis is made of."""

import json
import os
from typing import Any

import numpy as np
import torch

from ..combination.basis import Basis
from ..combination.pca import Projection
from ..combination.recipe import Part
from ..errors import FeatureFileError
from .hdf5 import Array, Group, Schema
from .sealed import Form, contents_of, read_sealed, root_of, write_sealed

BASES = Form(
    "basis",
    Schema("descr_basis", 1, ("axes", "mean")),
    make="make one with `descr basis fit` or Basis.fit(...).save",
    again="fit it again",
)

_MOST_CHANNELS = 1 << 20


def save_basis(basis: Basis, path: str | os.PathLike[str]) -> None:
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
    groups = {"/": root_of(BASES, identity=basis.identity, contents=text)}
    for place, projection in basis.projections.items():
        source = f"/{place.partition('/')[0]}"
        groups.setdefault(source, Group(source, {}))
        arrays = {
            "axes": Array(("channel", "component"), projection.axes.cpu().numpy()),
            "mean": Array(("channel",), projection.mean.cpu().numpy()),
        }
        groups[f"/{place}"] = Group(f"/{place}", {}, arrays)
    write_sealed(path, list(groups.values()), BASES, lossless=True)


def load_basis(path: str | os.PathLike[str]) -> Basis:
    """The basis that a file holds; see `Basis.load`."""
    groups = read_sealed(path, BASES)[0]
    with contents_of(path, BASES, "basis"):
        basis = _basis({group.path[1:]: group for group in groups}, groups[0].attributes)
    if basis.identity != groups[0].attributes.get("identity"):
        raise FeatureFileError(
            f"{os.fspath(path)}: is damaged: its numbers are not those of its identity",
            hint=BASES.again,
        )
    return basis


def _basis(groups: dict[str, Group], root: Any) -> Basis:
    contents = json.loads(root["contents"])
    layers = {str(path): dict(layer) for path, layer in contents["layers"].items()}
    if not all(0 < layer["channels"] <= _MOST_CHANNELS for layer in layers.values()):
        raise ValueError("channels that no network has")
    recipe = {
        source: [
            Part.of(layers[f"{source}/{layer}"], components=components, weight=float(weight))
            for layer, components, weight in parts
        ]
        for source, parts in contents["recipe"].items()
    }
    projections = {}
    channels = [layers[part.path]["channels"] for parts in recipe.values() for part in parts]
    if sum(channels) > _MOST_CHANNELS:
        raise ValueError("channels that no networks have together")
    for parts in recipe.values():
        for part in parts:
            if part.components is not None:
                axes, mean = (groups[part.path].arrays[name].values for name in ("axes", "mean"))
                if mean.shape != (layers[part.path]["channels"],) or axes.shape[:-1] != mean.shape:
                    raise ValueError("a projection of another shape")
                tensors = (torch.from_numpy(np.array(one, np.float32)) for one in (mean, axes))
                projections[part.path] = Projection(*tensors)
    if contents["finest"] not in layers or not recipe or not all(recipe.values()):
        raise ValueError("no layer")
    return Basis(recipe, projections, layers, contents["finest"])
