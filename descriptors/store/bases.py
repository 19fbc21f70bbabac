"""Bases as files: one group per layer with its projection, and what the basis is made of."""

import json
import os

import numpy as np
import torch

from ..combination.basis import Basis
from ..combination.pca import Projection
from .forms import BASES
from .groups import Array, Group
from .info import basis_contents
from .netcdf import write_sealed
from .sealed import read_sealed


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
    groups = {"/": BASES.root({"identity": basis.identity, "contents": text})}
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
    contents = read_sealed(path, BASES)
    with contents.guard():
        recipe, arrays, layers, finest = basis_contents(contents)
        projections = {
            path: Projection(*(torch.from_numpy(np.array(one, np.float32)) for one in both))
            for path, both in arrays.items()
        }
        return Basis(recipe, projections, layers, finest)
